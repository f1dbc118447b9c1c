import pytest
import torch

from gwbricks.domains import LinearDomain, MLPDomain, MLPVAEDomain
from gwbricks.domains.autoencoder import AutoencoderDomain

DOMAINS = pytest.mark.parametrize(
    "domain",
    [
        pytest.param(LinearDomain(6, 3), id="linear"),
        pytest.param(MLPDomain(6, 3, 8, 1), id="mlp"),
        pytest.param(MLPVAEDomain(6, 3, 8, 1, beta=1.0), id="vae"),
    ],
)


@DOMAINS
def test_shapes_of_latents_data_and_losses(domain: AutoencoderDomain) -> None:
    rows = torch.randn(5, 6)
    latent = domain.encode(rows)
    assert latent.shape == (5, domain.latent_dim) == (5, 3)
    assert domain.decode(latent).shape == (5, 6)
    assert domain.compute_loss(latent, latent).loss.shape == (5,)
    assert domain.compute_domain_loss(rows).loss.shape == ()


@DOMAINS
def test_rows_are_encoded_and_decoded_on_their_own(domain: AutoencoderDomain) -> None:
    rows = torch.randn(4, 6)
    latent = domain.encode(rows)
    torch.testing.assert_close(domain.encode(rows[1:2]), latent[1:2])
    torch.testing.assert_close(domain.decode(latent[1:2]), domain.decode(latent)[1:2])


@DOMAINS
def test_latent_loss_is_the_mean_squared_error_of_each_row(
    domain: AutoencoderDomain,
) -> None:
    pred, target = torch.randn(2, 4, 3)
    expected = ((pred - target) ** 2).sum(dim=1) / 3
    torch.testing.assert_close(domain.compute_loss(pred, target).loss, expected)


@DOMAINS
def test_unimodal_loss_has_finite_gradients_for_every_parameter(
    domain: AutoencoderDomain,
) -> None:
    domain.zero_grad()
    domain.compute_domain_loss(torch.randn(5, 6)).loss.backward()
    for parameter in domain.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.any()


def test_unimodal_loss_is_that_of_the_reconstruction() -> None:
    domain, rows = LinearDomain(6, 3), torch.randn(5, 6)
    expected = torch.nn.functional.mse_loss(domain.decode(domain.encode(rows)), rows)
    assert domain.compute_domain_loss(rows).loss.item() == pytest.approx(
        expected.item()
    )


def test_unimodal_loss_is_zero_where_nothing_is_lost() -> None:
    domain = LinearDomain(3, 3)
    for linear in (domain.encoder, domain.decoder):
        torch.nn.init.eye_(linear.get_parameter("weight"))
        torch.nn.init.zeros_(linear.get_parameter("bias"))
    assert domain.compute_domain_loss(torch.randn(5, 3)).loss.item() == 0.0
