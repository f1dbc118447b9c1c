"""Domains that are autoencoders."""

from jaxtyping import Float
from torch import nn, Tensor

from gwbricks.bag_of_bricks import MLP
from gwbricks.bricks import LossOutput
from gwbricks.domains.module import DomainModule, squared_error


class AutoencoderDomain(DomainModule):
    """Any encoder and decoder with squared errors, in latents and raw data.

    Args:
        latent_dim: Number of features of the latent.
        encoder: Maps raw data to latents.
        decoder: Maps latents to raw data.
    """

    cacheable = True

    def __init__(self, latent_dim: int, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__(latent_dim)
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x: Float[Tensor, "rows ..."]) -> Float[Tensor, "rows latent"]:
        """Encodes raw data to latents of shape `(rows, latent_dim)`."""
        return self.encoder(x)

    def decode(self, z: Float[Tensor, "rows latent"]) -> Float[Tensor, "rows ..."]:
        """Decodes latents to raw data."""
        return self.decoder(z)

    def compute_loss(  # pyright: ignore[reportIncompatibleMethodOverride] - raw_target may be left out
        self, pred: Float[Tensor, "rows latent"], target: Float[Tensor, "rows latent"]
    ) -> LossOutput:
        """Returns the mean squared error of each row's latent."""
        return LossOutput(squared_error(pred, target))

    def compute_domain_loss(self, domain: Float[Tensor, "rows ..."]) -> LossOutput:
        """Returns the mean squared error of the reconstruction."""
        return LossOutput(
            squared_error(self.decode(self.encode(domain)), domain).mean()
        )


class LinearDomain(AutoencoderDomain):
    """A linear autoencoder.

    Args:
        data_dim: Number of raw features.
        latent_dim: Number of features of the latent.

    Example:
        >>> import torch
        >>> LinearDomain(data_dim=8, latent_dim=4).encode(torch.zeros(2, 8)).shape
        torch.Size([2, 4])
    """

    def __init__(self, data_dim: int, latent_dim: int) -> None:
        super().__init__(
            latent_dim, nn.Linear(data_dim, latent_dim), nn.Linear(latent_dim, data_dim)
        )


class MLPDomain(AutoencoderDomain):
    """An autoencoder of two multi-layer perceptrons.

    Args:
        data_dim: Number of raw features.
        latent_dim: Number of features of the latent.
        hidden_dim: Width of the hidden layers.
        n_layers: Number of hidden layers between the first and the last linear map.
    """

    def __init__(
        self, data_dim: int, latent_dim: int, hidden_dim: int, n_layers: int
    ) -> None:
        super().__init__(
            latent_dim,
            MLP(data_dim, hidden_dim, latent_dim, n_layers),
            MLP(latent_dim, hidden_dim, data_dim, n_layers),
        )
