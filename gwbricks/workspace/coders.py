"""GW encoders and decoders: between a domain's latent and the workspace."""

from gwbricks.bag_of_bricks import MLP


class GWEncoder(MLP):
    """Projects one domain's latent into the workspace, before fusion.

    Args:
        in_dim: Size of the domain's latent.
        hidden_dim: Width of each hidden layer.
        out_dim: Size of the workspace.
        n_layers: Number of hidden layers between the first and the last linear map.

    Raises:
        ConfigError: If a size is below 1, or `n_layers` is negative.

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

    Raises:
        ConfigError: If a size is below 1, or `n_layers` is negative.
    """
