"""Multi-layer perceptron."""

from jaxtyping import Float
from torch import nn, Tensor

from gwbricks.errors import ConfigError


class MLP(nn.Sequential):
    """Linear maps with a ReLU between them: `n_layers` hidden ones, and 2 more.

    Args:
        in_dim: Number of input features.
        hidden_dim: Width of each hidden layer.
        out_dim: Number of output features.
        n_layers: Number of hidden layers between the first and the last linear map.

    Raises:
        ConfigError: If `n_layers` is negative, or a size is below 1.

    Example:
        >>> import torch
        >>> mlp = MLP(in_dim=8, hidden_dim=32, out_dim=12, n_layers=1)
        >>> mlp(torch.zeros(4, 8)).shape
        torch.Size([4, 12])
    """

    def __init__(
        self, in_dim: int, hidden_dim: int, out_dim: int, n_layers: int
    ) -> None:
        sizes = {"in_dim": in_dim, "hidden_dim": hidden_dim, "out_dim": out_dim}
        for name, size in sizes.items():
            if size < 1:
                raise ConfigError(f"{name}: {size}. Expected 1 or more.")
        if n_layers < 0:
            raise ConfigError(f"n_layers: {n_layers}. Expected 0 or more.")
        hidden: list[nn.Module] = []
        for _ in range(n_layers):
            hidden += [nn.Linear(hidden_dim, hidden_dim), nn.ReLU()]
        super().__init__(
            nn.Linear(in_dim, hidden_dim),
            nn.ReLU(),
            *hidden,
            nn.Linear(hidden_dim, out_dim),
        )
        self.in_dim, self.hidden_dim, self.out_dim = in_dim, hidden_dim, out_dim
        self.n_layers = n_layers

    def forward(
        self,
        input: Float[Tensor, "*rows features"],  # noqa: A002 - as in nn.Sequential
    ) -> Float[Tensor, "*rows out"]:
        """Maps features of shape `(rows, in_dim)` to `(rows, out_dim)`."""
        return super().forward(input)
