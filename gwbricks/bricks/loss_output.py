"""A loss and what is logged beside it."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class LossOutput:
    """What is trained on (`loss`) and what is only logged (`metrics`).

    A domain's loss may be a scalar or hold one value a row, of shape `(rows,)`; the
    latter lets all routes be computed in one call.

    Args:
        loss: The loss used in training.
        metrics: Further values to log, by name.

    Raises:
        ValueError: If a metric is called `loss`.
    """

    loss: Tensor
    metrics: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "loss" in self.metrics:
            raise ValueError(
                "metrics: 'loss' is taken by the loss itself. Fix: rename it."
            )

    @property
    def all(self) -> dict[str, Tensor]:
        """All metrics, and the loss under `"loss"`."""
        return {**self.metrics, "loss": self.loss}
