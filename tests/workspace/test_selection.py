import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from gwbricks.errors import ConfigError
from gwbricks.workspace import (
    RandomSelection,
    Selection,
    SharedSelection,
    SingleDomainSelection,
)

SELECTIONS = pytest.mark.parametrize(
    "selection",
    [
        pytest.param(SharedSelection(), id="shared"),
        pytest.param(RandomSelection(), id="random"),
        pytest.param(RandomSelection().eval(), id="random-evaluated"),
        pytest.param(SingleDomainSelection(), id="single-domain"),
    ],
)


def select(selection: Selection, present: Tensor) -> Tensor:
    encodings = torch.zeros(*present.shape, 2, dtype=torch.float64)
    return selection({}, encodings, present)


@SELECTIONS
@given(
    rows=st.lists(
        st.lists(st.booleans(), min_size=3, max_size=3).filter(any), min_size=1
    )
)
@settings(max_examples=20, deadline=None)
def test_weights_sum_to_one_over_the_present_domains(
    selection: Selection, rows: list[list[bool]]
) -> None:
    present = torch.tensor(rows)
    weights = select(selection, present)
    assert weights.dtype is torch.float64
    assert (weights >= 0).all()
    assert (weights[~present] == 0).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(rows)).double())


@pytest.mark.parametrize(
    "selection", [SharedSelection(), RandomSelection().eval()], ids=lambda s: str(s)
)
def test_equal_weights_are_one_over_the_number_of_domains(
    selection: Selection,
) -> None:
    present = torch.tensor([[True, True, False], [True, True, True]])
    expected = torch.tensor([[1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]]).double()
    torch.testing.assert_close(select(selection, present), expected)


def test_random_weights_differ_from_row_to_row_and_average_to_equal_ones() -> None:
    torch.manual_seed(0)
    present = torch.tensor([[True, True, False]]).expand(4000, 3)
    weights = select(RandomSelection(), present)
    assert len(weights.unique(dim=0)) > 3900
    expected = torch.tensor([0.5, 0.5, 0.0]).double()
    torch.testing.assert_close(weights.mean(dim=0), expected, atol=0.03, rtol=0)


def test_random_weights_are_drawn_in_evaluation_only_if_asked_for() -> None:
    present = torch.ones(50, 3, dtype=torch.bool)
    equal = select(RandomSelection().eval(), present)
    drawn = select(RandomSelection(draw_in_evaluation=True).eval(), present)
    assert len(equal.unique(dim=0)) == 1
    assert len(drawn.unique(dim=0)) == 50


def test_low_temperature_lets_one_domain_dominate() -> None:
    torch.manual_seed(0)
    present = torch.ones(500, 3, dtype=torch.bool)
    most = [
        select(RandomSelection(temperature), present).max(dim=1).values.mean()
        for temperature in (10.0, 0.2, 0.001)
    ]
    assert most[0] < 0.4 < most[1] < 0.95 < most[2]


def test_single_domain_selection_draws_all_present_domains_alike() -> None:
    torch.manual_seed(0)
    present = torch.tensor([[True, False, True, True]]).expand(6000, 4)
    weights = select(SingleDomainSelection(), present)
    assert set(weights.unique().tolist()) == {0.0, 1.0}
    expected = torch.tensor([1 / 3, 0, 1 / 3, 1 / 3]).double()
    torch.testing.assert_close(weights.mean(dim=0), expected, atol=0.03, rtol=0)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_must_be_above_zero(temperature: float) -> None:
    with pytest.raises(ConfigError, match=r"temperature: .*Expected a number above 0"):
        RandomSelection(temperature)
