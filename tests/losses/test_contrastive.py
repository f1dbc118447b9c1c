import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn, Tensor
from torch.nn import functional as F

from gwbricks.errors import ConfigError
from gwbricks.losses import ContrastiveLoss


def symmetric_cross_entropy(x: Tensor, y: Tensor, scale: float) -> Tensor:
    logits = scale * F.cosine_similarity(x[:, None], y[None], dim=-1)
    own = torch.arange(len(x))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


@given(
    rows=st.integers(1, 6),
    pairs=st.integers(1, 3),
    scale=st.floats(0.1, 100.0),
    seed=st.integers(0, 9),
)
@settings(max_examples=25, deadline=None)
def test_is_the_mean_of_two_cross_entropies(
    rows: int, pairs: int, scale: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, pairs, rows, 4, generator=generator, dtype=torch.float64)
    output = ContrastiveLoss(scale).double()(x, y)
    expected = [
        symmetric_cross_entropy(*sides, scale) for sides in zip(x, y, strict=True)
    ]
    torch.testing.assert_close(output.loss, torch.stack(expected), rtol=1e-5, atol=1e-6)
    assert output.metrics["logit_scale"].item() == pytest.approx(scale, rel=1e-5)


def test_infonce_is_the_cross_entropy_of_one_direction() -> None:
    x, y = torch.randn(2, 5, 3, dtype=torch.float64)
    logits = 7.0 * F.cosine_similarity(x[:, None], y[None], dim=-1)
    expected = F.cross_entropy(logits, torch.arange(5)).item()
    loss = ContrastiveLoss(7.0, symmetric=False)
    assert loss(x, y).loss.item() == pytest.approx(expected)
    assert loss(y, x).loss.item() != pytest.approx(expected)


def test_one_pair_has_a_scalar_loss() -> None:
    assert ContrastiveLoss()(torch.randn(3, 4), torch.randn(3, 4)).loss.shape == ()


def test_loss_is_zero_where_only_the_matched_items_meet() -> None:
    x = torch.eye(4)
    assert ContrastiveLoss(100.0)(x, 3 * x).loss.item() == pytest.approx(0.0, abs=1e-6)


def test_swapping_the_domains_does_not_matter() -> None:
    x, y = torch.randn(2, 5, 3, dtype=torch.float64)
    loss = ContrastiveLoss()
    assert loss(x, y).loss.item() == pytest.approx(loss(y, x).loss.item())


@pytest.mark.parametrize("learn_scale", [True, False], ids=["learnt", "fixed"])
def test_scale_is_trained_if_asked_for(learn_scale: bool) -> None:
    loss = ContrastiveLoss(10.0, learn_scale)
    assert isinstance(loss.log_scale, nn.Parameter) is learn_scale
    assert loss.state_dict().keys() == {"log_scale"}
    x, y = torch.randn(2, 5, 3, requires_grad=True)
    loss(x, y).loss.backward()
    assert [p.grad is not None for p in loss.parameters()] == [True] * learn_scale


def test_scale_stays_below_its_bound() -> None:
    loss = ContrastiveLoss(100.0, learn_scale=True)
    nn.init.constant_(loss.log_scale, 20.0)
    output = loss(torch.randn(4, 3), torch.randn(4, 3))
    assert output.metrics["logit_scale"].item() == 100.0


@pytest.mark.parametrize("scale", [0.0, -1.0, 101.0, float("nan")])
def test_scale_out_of_range_is_an_error(scale: float) -> None:
    with pytest.raises(ConfigError, match=r"scale: .*more than 0 and at most 100"):
        ContrastiveLoss(scale)
