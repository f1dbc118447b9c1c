"""Linear probe: what a representation makes easy to read."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import nn, Tensor


class LinearProbe(nn.Module):
    """A linear classifier that sends no gradient to what it reads.

    Args:
        in_dim: Number of features.
        num_classes: Number of classes.

    Example:
        >>> import torch
        >>> state = torch.zeros(4, 12, requires_grad=True)
        >>> LinearProbe(12, 10)(state).sum().backward()
        >>> state.grad is None
        True
    """

    def __init__(self, in_dim: int, num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_dim, num_classes)

    def forward(
        self, state: Float[Tensor, "rows features"]
    ) -> Float[Tensor, "rows classes"]:
        """Returns logits of shape `(rows, num_classes)`."""
        return self.linear(state.detach())

    def each(self, states: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the logits of several states, by their names."""
        return {name: self(state) for name, state in sorted(states.items())}
