import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.distributions import kl_divergence as reference_divergence, Normal

from gwbricks.domains import VAEDomain
from gwbricks.domains.vae import kl_divergence


@given(rows=st.integers(1, 5), latent_dim=st.integers(1, 4), seed=st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_divergence_is_that_of_torchs_distributions(
    rows: int, latent_dim: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    mean, log_variance = torch.randn(
        2, rows, latent_dim, generator=generator, dtype=torch.float64
    )
    posterior = Normal(mean, (log_variance / 2).exp())
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = reference_divergence(posterior, prior).sum(dim=1)
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected)


def test_latent_is_the_mean_of_the_posterior() -> None:
    domain, rows = VAEDomain(6, 3, 8, 1, beta=1.0), torch.randn(5, 6)
    mean, log_variance = domain.posterior(rows)
    assert mean.shape == log_variance.shape == (5, 3)
    assert torch.equal(domain.encode(rows), mean)
    assert torch.equal(torch.cat([mean, log_variance], dim=1), domain.encoder(rows))


@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0])
def test_unimodal_loss_is_error_plus_beta_times_divergence(beta: float) -> None:
    domain, rows = VAEDomain(6, 3, 8, 1, beta), torch.randn(5, 6)
    output = domain.compute_domain_loss(rows)
    mean, log_variance = domain.posterior(rows)
    divergence = kl_divergence(mean, log_variance).mean() / 6
    assert output.metrics["kl"].item() == pytest.approx(divergence.item())
    assert output.loss.item() == pytest.approx(
        output.metrics["error"].item() + beta * divergence.item()
    )


def test_error_is_that_of_a_sample_of_the_posterior() -> None:
    domain = VAEDomain(6, 3, 8, 1, beta=1.0)
    rows = torch.randn(5, 6)
    torch.manual_seed(0)
    error = domain.compute_domain_loss(rows).metrics["error"]
    mean, log_variance = domain.posterior(rows)
    torch.manual_seed(0)
    sample = mean + torch.randn(5, 3) * (log_variance / 2).exp()
    expected = nn.functional.mse_loss(domain.decode(sample), rows)
    assert error.item() == pytest.approx(expected.item())
