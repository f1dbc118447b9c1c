import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.losses import check_coefs, CoefRamp, find_ramps

LOSSES = ("cycles", "contrastives")


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


@given(
    coef=st.floats(0, 10),
    initial=st.floats(0, 10),
    start=st.integers(0, 50),
    steps=st.integers(0, 50),
    step=st.integers(0, 120),
)
def test_ramp_goes_in_a_line_from_its_start(
    coef: float, initial: float, start: int, steps: int, step: int
) -> None:
    changes = np.arange(start, start + max(steps, 1))
    values = initial + (coef - initial) * np.arange(1, len(changes) + 1) / len(changes)
    steps_at = np.append(start - 1, changes)
    expected = np.interp(step, steps_at, np.append(initial, values))
    found = CoefRamp(coef, initial, start, steps).at(step)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    "given",
    [
        {"coef": 2, "start": 5, "steps": 3},
        CoefRamp(2, start=5, steps=3),
    ],
    ids=["mapping", "object"],
)
def test_ramp_counts_as_what_it_ends_at(given: object) -> None:
    coefs = {"cycles": given, "contrastives": 1}
    assert check_coefs(coefs, LOSSES) == {"cycles": 2.0, "contrastives": 1.0}
    assert find_ramps(coefs) == {"cycles": CoefRamp(2.0, 0.0, 5, 3)}


def test_warm_up_of_the_only_loss_trains_from_the_first_step() -> None:
    check_coefs({"cycles": {"coef": 1.0, "steps": 100}}, LOSSES)


@pytest.mark.parametrize(
    ("coefs", "message"),
    [
        pytest.param(
            {"cycles": {"coef": 1.0, "start": 500}},
            r"no coefficient is above 0 at step 0, so",
            id="nothing-at-first",
        ),
        pytest.param(
            {
                "cycles": {"coef": 0.0, "initial": 1.0, "start": 100},
                "contrastives": {"coef": 1.0, "start": 200},
            },
            r"no coefficient is above 0 at step 100, so",
            id="nothing-between",
        ),
        pytest.param(
            {"cycles": {"coef": 0.0, "initial": 1.0, "start": 100, "steps": 10}},
            r"no coefficient is above 0 at step 109, so",
            id="nothing-in-the-end",
        ),
        pytest.param(
            {"cycles": {"start": 5}},
            r"loss_coefs\.cycles\.coef: missing\. .*=\{coef: 1\.0, start: 500\}",
            id="no-coef",
        ),
        pytest.param(
            {"cycles": {"coef": 1.0, "start": 0.5}},
            r"loss_coefs\.cycles\.start: 0\.5\. Expected a whole number of steps",
            id="half-a-step",
        ),
        pytest.param(
            {"cycles": {"coef": 1.0, "steps": -1}},
            r"loss_coefs\.cycles\.steps: -1\. Expected a whole number",
            id="negative-steps",
        ),
        pytest.param(
            {"cycles": {"coef": 1.0, "initial": "low"}},
            r"loss_coefs\.cycles\.initial: 'low'\. Expected a number of 0 or more",
            id="initial-is-a-word",
        ),
        pytest.param(
            {"cycles": {"coef": 1.0, "strat": 5}},
            r"loss_coefs\.cycles: unknown name 'strat'\. Did you mean 'start'\?",
            id="misspelt",
        ),
    ],
)
def test_bad_ramp_is_an_error(coefs: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_coefs(coefs, LOSSES)
