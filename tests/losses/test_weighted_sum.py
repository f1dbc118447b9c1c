import pytest
import torch
from hypothesis import given, settings, strategies as st

from gwbricks.losses import weighted_sum

LOSSES = {"cycles": torch.tensor(2.0), "contrastives": torch.tensor(5.0)}


@pytest.mark.parametrize(
    ("coefs", "expected"),
    [
        pytest.param({"cycles": 1.0}, 2.0, id="one-loss"),
        pytest.param({"cycles": 1}, 2.0, id="integer"),
        pytest.param({"cycles": 1.0, "contrastives": 1.0}, 7.0, id="sum-not-mean"),
        pytest.param({"cycles": 1.0, "contrastives": 0.0}, 2.0, id="zero"),
        pytest.param({"cycles": 1.0, "fused": 1.0}, 2.0, id="loss-that-is-not-there"),
    ],
)
def test_weighs_each_loss(coefs: dict[str, float], expected: float) -> None:
    total = weighted_sum(LOSSES, coefs)
    assert total is not None
    assert total.item() == pytest.approx(expected)


@pytest.mark.parametrize("coefs", [{}, {"cycles": 0.0}, {"fused": 1.0}], ids=str)
def test_sum_of_nothing_is_none(coefs: dict[str, float]) -> None:
    assert weighted_sum(LOSSES, coefs) is None


def test_adding_a_loss_leaves_the_gradients_of_the_others_alone() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    for coefs in ({"cycles": 2.0}, {"cycles": 2.0, "fused": 1e-12}):
        total = weighted_sum({"cycles": x.square(), "fused": 5 * x}, coefs)
        assert total is not None
        # The derivative of 2 x² at 3.
        assert torch.autograd.grad(total, x)[0].item() == 12.0


@given(names=st.permutations(["a", "b", "c", "d"]))
@settings(max_examples=10, deadline=None)
def test_order_of_losses_does_not_matter(names: list[str]) -> None:
    values = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 1e8}
    losses = {name: torch.tensor(values[name]) for name in names}
    expected = weighted_sum({n: torch.tensor(v) for n, v in values.items()}, values)
    assert expected is not None
    assert torch.equal(expected, weighted_sum(losses, values) or torch.tensor(0.0))
