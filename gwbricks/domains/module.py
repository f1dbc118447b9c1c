"""The abstract domain: from raw data to a unimodal latent and back."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from gwbricks.bricks import LossOutput
from gwbricks.errors import ConfigError

NO_REDUCTION = 0
"""Of ATen's losses: one value for each element."""


class DomainModule(LightningModule):
    """Abstract: one modality. Subclasses offer `encode`, `decode` and `compute_loss`.

    It is a LightningModule, so it may also define its own training steps and be trained
    by a Lightning Trainer, as in Shimmer.

    Args:
        latent_dim: Number of features of the latent.
    """

    cacheable = False
    """Whether the latent of a row depends on that row and the weights alone, so that
    one which is frozen may be computed once. Random latents are not, nor are those that
    take no time."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.is_frozen: bool | None = None

    def freeze(self) -> "DomainModule":
        """Freezes the module; this is the default in a workspace."""
        self.is_frozen = True
        return super().freeze()

    def unfreeze(self) -> "DomainModule":
        """Lets the module be trained together with the workspace."""
        self.is_frozen = False
        return super().unfreeze()

    def encode(self, x: Any) -> Tensor:  # noqa: ANN401 - raw data of any type
        """Encodes raw data to latents of shape `(rows, latent_dim)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define encode.")

    def decode(self, z: Tensor) -> Any:  # noqa: ANN401 - raw data of any type
        """Decodes latents of shape `(rows, latent_dim)` to raw data."""
        raise NotImplementedError(f"{type(self).__name__} does not define decode.")

    def compute_loss(
        self,
        pred: Tensor,
        target: Tensor,
        raw_target: Any,  # noqa: ANN401 - raw data
    ) -> LossOutput | None:
        """Compares a predicted latent with the true one.

        A loss of one value a row, of shape `(rows,)`, lets all routes be computed in
        one call; a scalar works too, with one call a route. None switches the loss off.
        A subclass may leave `raw_target` out.

        Args:
            pred: Predicted latents of shape `(rows, latent_dim)`.
            target: True latents of shape `(rows, latent_dim)`.
            raw_target: The raw data that `target` encodes.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not define compute_loss."
        )

    def compute_domain_loss(self, domain: Any) -> LossOutput | None:  # noqa: ANN401 - raw data
        """Returns the unimodal loss that trains the module, or None if it has none.

        It is what pretraining minimises, and what is added to the objective when the
        domain is trained together with the workspace.

        Args:
            domain: Raw data.
        """
        del domain
        return None


def squared_error(pred: Tensor, target: Tensor) -> Tensor:
    """Returns the mean squared error of each row, of shape `(rows,)`.

    Raises:
        ConfigError: If the shapes differ.

    Example:
        >>> squared_error(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
        tensor([2.])
    """
    if pred.shape != target.shape:
        raise ConfigError(
            f"a prediction has shape {tuple(pred.shape)}, its target"
            f" {tuple(target.shape)}. Expected the same. Fix: what the decoder returns,"
            " such as its out_dim."
        )
    # The operator itself: torch.nn.functional first broadcasts what has one shape.
    errors = torch.ops.aten.mse_loss.default(pred, target, NO_REDUCTION).flatten(1)
    return errors.sum(1) / errors.shape[1]  # a mean would cost its gradient a pass
