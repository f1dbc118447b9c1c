"""A domain that is a variational autoencoder."""

import torch
from jaxtyping import Float
from torch import Tensor

from gwbricks.bag_of_bricks import MLP
from gwbricks.bricks import LossOutput
from gwbricks.domains.autoencoder import AutoencoderDomain
from gwbricks.domains.module import squared_error


class VAEDomain(AutoencoderDomain):
    """A beta-VAE of two multi-layer perceptrons; the latent is the posterior's mean.

    Its unimodal loss is, per row, the squared error summed over features plus `beta`
    times the divergence from a standard normal, both divided by the number of features.

    Args:
        data_dim: Number of raw features.
        latent_dim: Number of features of the latent.
        hidden_dim: Width of the hidden layers.
        n_layers: Number of hidden layers between the first and the last linear map.
        beta: Weight of the divergence.

    References:
        I. Higgins et al., beta-VAE: Learning Basic Visual Concepts with a Constrained
        Variational Framework, ICLR 2017, eq. 4.
    """

    def __init__(
        self,
        data_dim: int,
        latent_dim: int,
        hidden_dim: int,
        n_layers: int,
        beta: float,
    ) -> None:
        super().__init__(
            latent_dim,
            MLP(data_dim, hidden_dim, 2 * latent_dim, n_layers),
            MLP(latent_dim, hidden_dim, data_dim, n_layers),
        )
        self.beta = beta

    def posterior(
        self, x: Float[Tensor, "rows data"]
    ) -> tuple[Float[Tensor, "rows latent"], Float[Tensor, "rows latent"]]:
        """Returns mean and log-variance of the latent, each `(rows, latent_dim)`."""
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        return mean, log_variance

    def encode(self, x: Float[Tensor, "rows data"]) -> Float[Tensor, "rows latent"]:
        """Encodes raw data to the posterior's mean."""
        return self.posterior(x)[0]

    def compute_domain_loss(self, domain: Float[Tensor, "rows data"]) -> LossOutput:
        """Returns the negative evidence lower bound per feature, and its two parts."""
        mean, log_variance = self.posterior(domain)
        sample = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        error = squared_error(self.decode(sample), domain).mean()
        divergence = kl_divergence(mean, log_variance).mean() / domain.shape[-1]
        return LossOutput(
            error + self.beta * divergence, {"error": error, "kl": divergence}
        )


def kl_divergence(
    mean: Float[Tensor, "rows latent"], log_variance: Float[Tensor, "rows latent"]
) -> Float[Tensor, " rows"]:
    """Returns the divergence of each row's normal from the standard normal, in nats.

    Example:
        >>> kl_divergence(torch.zeros(1, 3), torch.zeros(1, 3))
        tensor([0.])
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=-1)
