"""GW encoders and decoders: between a domain's latent and the workspace.

All have the sizes `in_dim` and `out_dim`; whatever maps rows of one to rows of the
other, such as a module of the user's own, can take their place.
"""

from torch import nn

from gwbricks.bag_of_bricks import MLP, ResidualMLP
from gwbricks.errors import ConfigError


class GWEncoder(MLP):
    """Projects one domain's latent into the workspace, before fusion.

    Args:
        in_dim: Size of the domain's latent.
        hidden_dim: Width of each hidden layer.
        out_dim: Size of the workspace.
        n_layers: Number of hidden layers between the first and the last linear map.
        activation: See `MLP`.
        norm: See `MLP`.
        dropout: See `MLP`.
        bias: See `MLP`.

    Raises:
        ConfigError: See `MLP`.
        UnknownNameError: See `MLP`.

    Example:
        >>> import torch
        >>> encoder = GWEncoder(in_dim=8, hidden_dim=32, out_dim=12, n_layers=1)
        >>> encoder(torch.zeros(4, 8)).shape
        torch.Size([4, 12])
    """


class GWDecoder(MLP):
    """Projects workspace states to one domain's latent.

    Args:
        in_dim: Size of the workspace.
        hidden_dim: Width of each hidden layer.
        out_dim: Size of the domain's latent.
        n_layers: Number of hidden layers between the first and the last linear map.
        activation: See `MLP`.
        norm: See `MLP`.
        dropout: See `MLP`.
        bias: See `MLP`.

    Raises:
        ConfigError: See `MLP`.
        UnknownNameError: See `MLP`.
    """


class LinearCoder(nn.Linear):
    """A linear GW encoder or decoder.

    Args:
        in_dim: Size of what is mapped: a domain's latent, or the workspace.
        out_dim: Size of what it is mapped to.
        bias: Whether there is a bias.

    Raises:
        ConfigError: If a size is below 1.

    Example:
        >>> LinearCoder(8, 12, bias=False)
        LinearCoder(in_features=8, out_features=12, bias=False)
    """

    def __init__(self, in_dim: int, out_dim: int, bias: bool = True) -> None:
        for name, size in {"in_dim": in_dim, "out_dim": out_dim}.items():
            if size < 1:
                raise ConfigError(f"{name}: {size}. Expected 1 or more.")
        super().__init__(in_dim, out_dim, bias)
        self.in_dim, self.out_dim = in_dim, out_dim


class ResidualCoder(ResidualMLP):
    """A GW encoder or decoder of residual blocks; for arguments see `ResidualMLP`."""
