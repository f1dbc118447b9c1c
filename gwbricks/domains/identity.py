"""A domain whose data already is a latent."""

from jaxtyping import Float
from torch import Tensor

from gwbricks.bricks import LossOutput
from gwbricks.domains.module import DomainModule, squared_error


class IdentityDomain(DomainModule):
    """Passes data through unchanged.

    Args:
        latent_dim: Number of features of the data.

    Example:
        >>> import torch
        >>> IdentityDomain(latent_dim=3).encode(torch.ones(1, 3))
        tensor([[1., 1., 1.]])
    """

    def encode(self, x: Float[Tensor, "rows latent"]) -> Float[Tensor, "rows latent"]:
        """Returns `x`."""
        return x

    def decode(self, z: Float[Tensor, "rows latent"]) -> Float[Tensor, "rows latent"]:
        """Returns `z`."""
        return z

    def compute_loss(  # pyright: ignore[reportIncompatibleMethodOverride] - raw_target may be left out
        self, pred: Float[Tensor, "rows latent"], target: Float[Tensor, "rows latent"]
    ) -> LossOutput:
        """Returns the mean squared error of each row."""
        return LossOutput(squared_error(pred, target))
