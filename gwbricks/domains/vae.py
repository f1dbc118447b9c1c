"""Domains that are variational autoencoders."""

import math

import torch
from jaxtyping import Float
from torch import nn, Tensor

from gwbricks.bag_of_bricks import MLP
from gwbricks.bricks import LossOutput
from gwbricks.domains.autoencoder import AutoencoderDomain
from gwbricks.domains.module import squared_error
from gwbricks.errors import ConfigError


class VAEDomain(AutoencoderDomain):
    """A beta-VAE of any encoder and decoder; the latent is the posterior's mean.

    Its unimodal loss is, per row, the error summed over features plus `beta` times the
    divergence from a standard normal, both divided by the number of features. The error
    is the squared one, or with `learn_noise` the negative log-likelihood of a normal
    whose standard deviation is learned, the same for all features.

    Args:
        latent_dim: Number of features of the latent.
        encoder: Maps raw data to `2 * latent_dim` features: means and log-variances.
        decoder: Maps latents to raw data.
        beta: Weight of the divergence.
        learn_noise: Whether the decoder's standard deviation is learned.

    Raises:
        ConfigError: If `beta` is negative.

    References:
        I. Higgins et al., beta-VAE: Learning Basic Visual Concepts with a Constrained
        Variational Framework, ICLR 2017, eq. 4. O. Rybkin et al., Simple and Effective
        VAE Training with Calibrated Decoders, ICML 2021, eq. 4.
    """

    def __init__(
        self,
        latent_dim: int,
        encoder: nn.Module,
        decoder: nn.Module,
        beta: float = 1.0,
        learn_noise: bool = False,
    ) -> None:
        super().__init__(latent_dim, encoder, decoder)
        if not beta >= 0:
            raise ConfigError(f"beta: {beta}. Expected 0 or more.")
        self.beta = beta
        self.log_sigma = nn.Parameter(torch.zeros(())) if learn_noise else None

    def posterior(
        self, x: Float[Tensor, "rows ..."]
    ) -> tuple[Float[Tensor, "rows latent"], Float[Tensor, "rows latent"]]:
        """Returns mean and log-variance of the latent, each `(rows, latent_dim)`.

        Raises:
            ConfigError: If the encoder does not return twice `latent_dim` features.
        """
        features = self.encoder(x)
        if features.shape[1:] != (2 * self.latent_dim,):
            raise ConfigError(
                f"encoder: it returns features of shape {tuple(features.shape[1:])}."
                f" Expected ({2 * self.latent_dim},): mean and log-variance of each of"
                f" the {self.latent_dim} features of the latent."
            )
        mean, log_variance = features.chunk(2, dim=-1)
        return mean, log_variance

    def encode(self, x: Float[Tensor, "rows ..."]) -> Float[Tensor, "rows latent"]:
        """Encodes raw data to the posterior's mean."""
        return self.posterior(x)[0]

    def compute_domain_loss(self, domain: Float[Tensor, "rows ..."]) -> LossOutput:
        """Returns the negative evidence lower bound per feature, and its two parts."""
        mean, log_variance = self.posterior(domain)
        pred = self.decode(reparameterize(mean, log_variance))
        size = domain[0].numel()
        if self.log_sigma is None:
            error = squared_error(pred, domain).mean()
        else:
            error = gaussian_nll(pred, domain, self.log_sigma).mean() / size
        divergence = kl_divergence(mean, log_variance).mean() / size
        return LossOutput(
            error + self.beta * divergence, {"error": error, "kl": divergence}
        )


class MLPVAEDomain(VAEDomain):
    """A beta-VAE of two multi-layer perceptrons.

    Args:
        data_dim: Number of raw features.
        latent_dim: Number of features of the latent.
        hidden_dim: Width of the hidden layers.
        n_layers: Number of hidden layers between the first and the last linear map.
        beta: See `VAEDomain`.
        learn_noise: See `VAEDomain`.
    """

    def __init__(
        self,
        data_dim: int,
        latent_dim: int,
        hidden_dim: int,
        n_layers: int,
        beta: float = 1.0,
        learn_noise: bool = False,
    ) -> None:
        super().__init__(
            latent_dim,
            MLP(data_dim, hidden_dim, 2 * latent_dim, n_layers),
            MLP(latent_dim, hidden_dim, data_dim, n_layers),
            beta,
            learn_noise,
        )


def reparameterize(
    mean: Float[Tensor, "rows latent"], log_variance: Float[Tensor, "rows latent"]
) -> Float[Tensor, "rows latent"]:
    """Returns a sample of each row's normal, through which gradients flow.

    References:
        D. Kingma, M. Welling, Auto-Encoding Variational Bayes, ICLR 2014, section 2.4.
    """
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()


def kl_divergence(
    mean: Float[Tensor, "rows latent"], log_variance: Float[Tensor, "rows latent"]
) -> Float[Tensor, " rows"]:
    """Returns the divergence of each row's normal from the standard normal, in nats.

    Example:
        >>> kl_divergence(torch.zeros(1, 3), torch.zeros(1, 3))
        tensor([0.])
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=-1)


def gaussian_nll(
    pred: Float[Tensor, "rows ..."],
    target: Float[Tensor, "rows ..."],
    log_sigma: Tensor,
) -> Float[Tensor, " rows"]:
    """Returns the negative log-likelihood of each row, summed over features, in nats.

    Args:
        pred: Means of normals.
        target: What was seen.
        log_sigma: Logarithm of their standard deviation, of any shape that fits `pred`.

    Example:
        >>> gaussian_nll(torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(()))
        tensor([0.9189])
    """
    scaled = (target - pred) * (-log_sigma).exp()
    values = 0.5 * scaled.square() + log_sigma + 0.5 * math.log(2 * math.pi)
    return values.flatten(1).sum(dim=1)
