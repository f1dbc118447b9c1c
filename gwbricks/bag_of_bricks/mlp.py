"""Multi-layer perceptrons, plain and residual."""

from copy import deepcopy

from jaxtyping import Float
from torch import nn, Tensor

from gwbricks.errors import ConfigError, UnknownNameError

NORMS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class MLP(nn.Sequential):
    """Linear maps with an activation between them: `n_layers` hidden ones, and 2 more.

    Args:
        in_dim: Number of input features.
        hidden_dim: Width of each hidden layer.
        out_dim: Number of output features.
        n_layers: Number of hidden layers between the first and the last linear map.
        activation: What follows each linear map but the last; each gets its own copy.
            None stands for ReLU.
        norm: Normalisation before each activation: `batch`, `layer` or none.
        dropout: Probability that a hidden feature is dropped in training.
        bias: Whether the linear maps have a bias.

    Raises:
        ConfigError: If `n_layers` is negative, a size is below 1, or `dropout` is not
            in [0, 1).
        UnknownNameError: If there is no such normalisation.

    Example:
        >>> import torch
        >>> mlp = MLP(in_dim=8, hidden_dim=32, out_dim=12, n_layers=1)
        >>> mlp(torch.zeros(4, 8)).shape
        torch.Size([4, 12])
    """

    def __init__(
        self,
        in_dim: int,
        hidden_dim: int,
        out_dim: int,
        n_layers: int,
        activation: nn.Module | None = None,
        norm: str | None = None,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        _check(in_dim, hidden_dim, out_dim, n_layers, norm, dropout)
        hidden: list[nn.Module] = []
        for _ in range(n_layers):
            hidden.append(nn.Linear(hidden_dim, hidden_dim, bias))
            hidden += _after(hidden_dim, activation, norm, dropout)
        super().__init__(
            nn.Linear(in_dim, hidden_dim, bias),
            *_after(hidden_dim, activation, norm, dropout),
            *hidden,
            nn.Linear(hidden_dim, out_dim, bias),
        )
        self.in_dim, self.hidden_dim, self.out_dim = in_dim, hidden_dim, out_dim
        self.n_layers = n_layers

    def forward(
        self,
        input: Float[Tensor, "*rows features"],  # noqa: A002 - as in nn.Sequential
    ) -> Float[Tensor, "*rows out"]:
        """Maps features of shape `(rows, in_dim)` to `(rows, out_dim)`."""
        return super().forward(input)


class ResidualMLP(nn.Module):
    """A linear map, `n_layers` residual blocks, and a linear map.

    A block adds to its input what a linear map, normalised, activated and dropped out,
    makes of it.

    Args:
        in_dim: Number of input features.
        hidden_dim: Width of each block.
        out_dim: Number of output features.
        n_layers: Number of blocks.
        activation: See `MLP`.
        norm: See `MLP`.
        dropout: See `MLP`.
        bias: See `MLP`.

    Raises:
        ConfigError: See `MLP`.
        UnknownNameError: See `MLP`.

    References:
        K. He et al., Deep Residual Learning for Image Recognition, CVPR 2016, eq. 1.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_dim: int,
        out_dim: int,
        n_layers: int,
        activation: nn.Module | None = None,
        norm: str | None = None,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        _check(in_dim, hidden_dim, out_dim, n_layers, norm, dropout)
        super().__init__()
        self.first = nn.Linear(in_dim, hidden_dim, bias)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(hidden_dim, hidden_dim, bias),
                *_after(hidden_dim, activation, norm, dropout),
            )
            for _ in range(n_layers)
        )
        self.last = nn.Linear(hidden_dim, out_dim, bias)
        self.in_dim, self.hidden_dim, self.out_dim = in_dim, hidden_dim, out_dim
        self.n_layers = n_layers

    def forward(self, x: Float[Tensor, "rows features"]) -> Float[Tensor, "rows out"]:
        """Maps features of shape `(rows, in_dim)` to `(rows, out_dim)`."""
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.last(x)


def _after(
    width: int, activation: nn.Module | None, norm: str | None, dropout: float
) -> list[nn.Module]:
    """Returns what follows a linear map."""
    layers = [] if norm is None else [NORMS[norm](width)]
    layers.append(nn.ReLU(inplace=True) if activation is None else deepcopy(activation))
    return [*layers, nn.Dropout(dropout)] if dropout else layers


def _check(
    in_dim: int,
    hidden_dim: int,
    out_dim: int,
    n_layers: int,
    norm: str | None,
    dropout: float,
) -> None:
    sizes = {"in_dim": in_dim, "hidden_dim": hidden_dim, "out_dim": out_dim}
    for name, size in sizes.items():
        if size < 1:
            raise ConfigError(f"{name}: {size}. Expected 1 or more.")
    if n_layers < 0:
        raise ConfigError(f"n_layers: {n_layers}. Expected 0 or more.")
    if norm is not None and norm not in NORMS:
        raise UnknownNameError("norm", norm, NORMS)
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout: {dropout}. Expected 0 or more, and less than 1.")
