import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.distributions import kl_divergence as reference_divergence, Normal

from gwbricks.domains import (
    gaussian_nll,
    kl_divergence,
    MLPVAEDomain,
    reparameterize,
    VAEDomain,
)
from gwbricks.errors import ConfigError


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
    domain, rows = MLPVAEDomain(6, 3, 8, 1, beta=1.0), torch.randn(5, 6)
    mean, log_variance = domain.posterior(rows)
    assert mean.shape == log_variance.shape == (5, 3)
    assert torch.equal(domain.encode(rows), mean)
    assert torch.equal(torch.cat([mean, log_variance], dim=1), domain.encoder(rows))


@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0])
def test_unimodal_loss_is_error_plus_beta_times_divergence(beta: float) -> None:
    domain, rows = MLPVAEDomain(6, 3, 8, 1, beta), torch.randn(5, 6)
    output = domain.compute_domain_loss(rows)
    mean, log_variance = domain.posterior(rows)
    divergence = kl_divergence(mean, log_variance).mean() / 6
    assert output.metrics["kl"].item() == pytest.approx(divergence.item())
    assert output.loss.item() == pytest.approx(
        output.metrics["error"].item() + beta * divergence.item()
    )


def test_error_is_that_of_a_sample_of_the_posterior() -> None:
    domain = MLPVAEDomain(6, 3, 8, 1, beta=1.0)
    rows = torch.randn(5, 6)
    torch.manual_seed(0)
    error = domain.compute_domain_loss(rows).metrics["error"]
    mean, log_variance = domain.posterior(rows)
    torch.manual_seed(0)
    sample = mean + torch.randn(5, 3) * (log_variance / 2).exp()
    expected = nn.functional.mse_loss(domain.decode(sample), rows)
    assert error.item() == pytest.approx(expected.item())


@given(seed=st.integers(0, 9), log_sigma=st.floats(-2, 2))
@settings(max_examples=20, deadline=None)
def test_likelihood_is_that_of_torchs_distributions(
    seed: int, log_sigma: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    pred, target = torch.randn(2, 4, 3, 2, generator=generator, dtype=torch.float64)
    sigma = torch.tensor(log_sigma, dtype=torch.float64)
    expected = -Normal(pred, sigma.exp()).log_prob(target).sum(dim=(1, 2))
    torch.testing.assert_close(gaussian_nll(pred, target, sigma), expected)


def test_samples_have_the_posteriors_mean_and_deviation_and_pass_gradients() -> None:
    torch.manual_seed(0)
    mean = torch.tensor([[1.0, -2.0]], requires_grad=True)
    log_variance = torch.tensor([[0.0, 2.0]], requires_grad=True)
    rows = [v.expand(20_000, 2) for v in (mean, log_variance)]
    samples = reparameterize(rows[0], rows[1])
    torch.testing.assert_close(samples.mean(0), mean[0], atol=0.1, rtol=0)
    expected = (log_variance[0] / 2).exp()
    torch.testing.assert_close(samples.std(0), expected, atol=0.1, rtol=0)
    samples.sum().backward()
    assert mean.grad is not None
    assert log_variance.grad is not None


def images() -> VAEDomain:
    encoder = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 4, 6))
    decoder = nn.Sequential(nn.Linear(3, 16), nn.Unflatten(1, (1, 4, 4)))
    return VAEDomain(3, encoder, decoder, beta=0.5, learn_noise=True)


def test_any_encoder_and_decoder_make_a_domain_that_learns_its_noise() -> None:
    torch.manual_seed(0)
    domain, rows = images(), 0.1 * torch.randn(64, 1, 4, 4)
    optimizer = torch.optim.Adam(domain.parameters(), lr=0.02)
    for _ in range(300):
        loss = domain.compute_domain_loss(rows).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert domain.encode(rows).shape == (64, 3)
    assert domain.decode(domain.encode(rows)).shape == rows.shape
    assert domain.log_sigma is not None
    assert domain.log_sigma.exp().item() == pytest.approx(0.1, rel=0.2)


def test_encoder_that_gives_no_variance_is_an_error_that_says_so() -> None:
    domain = VAEDomain(3, nn.Linear(6, 3), nn.Linear(3, 6))
    with pytest.raises(ConfigError, match=r"encoder: .* \(3,\)\. Expected \(6,\)"):
        domain.encode(torch.zeros(2, 6))


def test_negative_beta_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"beta: -1\. Expected 0 or more"):
        MLPVAEDomain(6, 3, 8, 1, beta=-1)
