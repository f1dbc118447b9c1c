import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.losses import check_coefs, weighted_sum

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


@pytest.mark.parametrize(
    ("coef", "expected"),
    [
        pytest.param(2, 2.0, id="integer"),
        pytest.param(np.float32(0.5), 0.5, id="numpy-float"),
        pytest.param(np.int64(3), 3.0, id="numpy-integer"),
        pytest.param(torch.tensor(0.25), 0.25, id="tensor"),
        pytest.param(1e-12, 1e-12, id="tiny"),
    ],
)
def test_any_real_number_is_a_coefficient(coef: object, expected: float) -> None:
    checked = check_coefs({"cycles": coef}, LOSSES)
    assert checked == {"cycles": expected}
    assert type(checked["cycles"]) is float


def test_null_is_left_out_and_zero_is_kept() -> None:
    coefs = {"cycles": 1.0, "contrastives": 0.0, "fused": None}
    checked = check_coefs(coefs, [*LOSSES, "fused"])
    assert checked == {"cycles": 1.0, "contrastives": 0.0}


@pytest.mark.parametrize(
    "coef",
    [-1.0, -1, math.nan, math.inf, "1.0", "high", True, [1.0], np.float32("nan")],
    ids=repr,
)
def test_what_is_no_number_of_zero_or_more_is_an_error(coef: object) -> None:
    message = r"loss_coefs\.cycles: .*Expected a number of 0 or more, or null for"
    with pytest.raises(ConfigError, match=message):
        check_coefs({"contrastives": 1.0, "cycles": coef}, LOSSES)


def test_misspelt_coefficient_names_the_close_match() -> None:
    message = r"loss_coefs: unknown name 'cylces'\. Did you mean 'cycles'\?"
    with pytest.raises(UnknownNameError, match=message):
        check_coefs({"cylces": 1.0}, LOSSES)


@pytest.mark.parametrize(
    "coefs", [{}, {"cycles": 0.0}, {"cycles": None, "contrastives": 0}], ids=str
)
def test_nothing_to_train_is_an_error(coefs: dict[str, float | None]) -> None:
    message = r"no coefficient is above 0.*Fix: .* any of contrastives, cycles\."
    with pytest.raises(ConfigError, match=message):
        check_coefs(coefs, LOSSES)


def test_graph_without_losses_says_so() -> None:
    with pytest.raises(ConfigError, match="any of the losses of the bricks"):
        check_coefs({}, [])
