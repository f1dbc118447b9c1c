"""GW encoders that output a distribution over the workspace."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import nn, Tensor

from gwbricks.bag_of_bricks import MLP
from gwbricks.bricks import LossOutput
from gwbricks.domains import kl_divergence, reparameterize

KL = "kl"
"""Name of the loss of encoders that output a distribution."""


class VariationalEncoder(nn.Module):
    """Projects a latent to a normal in the workspace: a sample of it, before fusion.

    Out of training it is the mean. Its divergence from the standard normal is the loss
    `kl`. Any module with the methods `posterior` and `sample` can take its place.

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

    References:
        D. Kingma, M. Welling, Auto-Encoding Variational Bayes, ICLR 2014, section 3.
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
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.layers = MLP(
            in_dim, hidden_dim, 2 * out_dim, n_layers, activation, norm, dropout, bias
        )

    def posterior(
        self, latent: Float[Tensor, "rows latent"]
    ) -> tuple[Float[Tensor, "rows dim"], Float[Tensor, "rows dim"]]:
        """Returns mean and log-variance, each of shape `(rows, out_dim)`."""
        mean, log_variance = self.layers(latent).chunk(2, dim=-1)
        return mean, log_variance

    def sample(
        self, mean: Float[Tensor, "rows dim"], log_variance: Float[Tensor, "rows dim"]
    ) -> Float[Tensor, "rows dim"]:
        """Returns a sample of each row's normal; out of training, its mean."""
        return reparameterize(mean, log_variance) if self.training else mean

    def forward(
        self, latent: Float[Tensor, "rows latent"]
    ) -> Float[Tensor, "rows dim"]:
        """Encodes latents of shape `(rows, in_dim)`."""
        return self.sample(*self.posterior(latent))


def is_variational(encoder: nn.Module) -> bool:
    """Whether an encoder outputs a distribution."""
    return hasattr(encoder, "posterior")


def mean_divergence(
    means: Mapping[str, Tensor], log_variances: Mapping[str, Tensor]
) -> LossOutput | None:
    """Returns the divergence from the standard normal, in nats; a mean of domains.

    Args:
        means: Means by domain, of shape `(rows, dim)`.
        log_variances: Logarithms of the variances, of the same shape.
    """
    found = {
        name: kl_divergence(mean, log_variances[name]).mean()
        for name, mean in sorted(means.items())
        if len(mean)
    }
    if not found:
        return None
    metrics = {name: value.detach() for name, value in found.items()}
    return LossOutput(torch.stack(list(found.values())).mean(), metrics)
