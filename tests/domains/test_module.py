import pytest
import torch
from torch import nn

from gwbricks.domains import DomainModule, IdentityDomain, LinearDomain
from gwbricks.domains.module import squared_error
from gwbricks.errors import ConfigError


def test_freezing_stops_gradients_and_unfreezing_lets_them_flow() -> None:
    domain = LinearDomain(3, 2)
    assert domain.is_frozen is None
    assert domain.freeze() is domain
    assert domain.is_frozen is True
    assert not domain.training
    assert not any(parameter.requires_grad for parameter in domain.parameters())
    assert domain.unfreeze() is domain
    assert domain.is_frozen is False
    assert domain.training
    assert all(parameter.requires_grad for parameter in domain.parameters())


def test_abstract_domain_names_the_method_that_is_missing() -> None:
    class Silent(DomainModule):
        pass

    domain, rows = Silent(2), torch.zeros(1, 2)
    with pytest.raises(NotImplementedError, match="Silent does not define encode"):
        domain.encode(rows)
    with pytest.raises(NotImplementedError, match="Silent does not define decode"):
        domain.decode(rows)
    with pytest.raises(
        NotImplementedError, match="Silent does not define compute_loss"
    ):
        domain.compute_loss(rows, rows, rows)


def test_a_domain_has_no_unimodal_loss_of_its_own() -> None:
    assert DomainModule(2).compute_domain_loss(torch.zeros(1, 2)) is None


def test_squared_error_is_the_mean_over_all_features_of_a_row() -> None:
    pred, target = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    expected = [
        nn.functional.mse_loss(*row).item() for row in zip(pred, target, strict=True)
    ]
    assert squared_error(pred, target).tolist() == pytest.approx(expected)


def test_a_prediction_of_another_shape_is_not_stretched() -> None:
    with pytest.raises(
        ConfigError, match=r"\(4, 1\), its target \(4, 5\)\. .* Fix: what the decoder"
    ):
        squared_error(torch.zeros(4, 1), torch.zeros(4, 5))


def test_identity_domain_passes_data_through() -> None:
    domain, rows = IdentityDomain(3), torch.randn(4, 3)
    assert domain.latent_dim == 3
    assert domain.encode(rows) is rows
    assert domain.decode(rows) is rows
    assert domain.compute_loss(rows, rows + 2).loss.tolist() == pytest.approx([4] * 4)
