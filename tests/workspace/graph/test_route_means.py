import pytest
import torch
from hypothesis import given, settings, strategies as st

from gwbricks.workspace.graph.route_means import kind_losses, RouteMeans, RowErrors
from gwbricks.workspace.planning.plan import Plan
from gwbricks.workspace.planning.terms import Term, Terms

CPU = torch.device("cpu")
TERMS = (
    Term("translations", "v-to-t", "t", ("t", "v")),
    Term("translations", "t-to-v", "v", ("t", "v")),
    Term("translations", "v-to-t", "t", ("a", "t", "v")),
    Term("demi_cycles", "v-to-v", "v", ("v",)),
)
ROWS = {"t": torch.tensor([0, 0, 0, 2]), "v": torch.tensor([3, 1, 3])}
ERRORS = {
    "t": RowErrors(torch.tensor([1.0, 2.0, 3.0, 10.0])),
    "v": RowErrors(torch.tensor([5.0, 6.0, 7.0])),
}


def test_every_term_counts_once_whatever_its_rows() -> None:
    losses = kind_losses(ERRORS, Terms(TERMS, ROWS, CPU))
    assert losses["translations"].loss.item() == pytest.approx((2 + 6 + 10) / 3)
    assert losses["demi_cycles"].loss.item() == pytest.approx(6)
    routes = {n: v.item() for n, v in losses["translations"].metrics.items()}
    assert routes == pytest.approx({"v-to-t": (2 + 10) / 2, "t-to-v": 6})


@given(factor=st.floats(0.1, 10.0), domain=st.sampled_from(["t", "v"]))
@settings(max_examples=10, deadline=None)
def test_errors_of_a_domain_reach_only_the_routes_that_end_in_it(
    factor: float, domain: str
) -> None:
    terms = Terms(TERMS, ROWS, CPU)
    scaled = {**ERRORS, domain: RowErrors(factor * ERRORS[domain].values)}
    before, after = kind_losses(ERRORS, terms), kind_losses(scaled, terms)
    for kind, output in before.items():
        for route, value in output.metrics.items():
            expected = value * (factor if route.endswith(f"-to-{domain}") else 1.0)
            assert after[kind].metrics[route].item() == pytest.approx(expected.item())


def test_kind_that_a_domain_switches_off_does_not_count() -> None:
    off = {**ERRORS, "v": RowErrors(ERRORS["v"].values, ("translations",))}
    losses = kind_losses(off, Terms(TERMS, ROWS, CPU))
    assert losses["translations"].loss.item() == pytest.approx((2 + 10) / 2)
    assert losses["translations"].metrics.keys() == {"v-to-t"}
    assert losses["demi_cycles"].loss.item() == pytest.approx(6)


def test_gradient_of_a_row_is_one_over_its_rows_and_terms() -> None:
    values = torch.zeros(4, requires_grad=True)
    errors = {"t": RowErrors(values), "v": RowErrors(torch.zeros(3))}
    kind_losses(errors, Terms(TERMS, ROWS, CPU))["translations"].loss.backward()
    assert values.grad is not None
    assert values.grad.tolist() == pytest.approx([1 / 9, 1 / 9, 1 / 9, 1 / 3])


class TwoPasses(Plan):
    """A plan with terms after one pass and none after two."""

    terms = Terms(TERMS, ROWS, CPU)
    cycle_terms = Terms((), {}, CPU)

    def __init__(self) -> None:
        """Leaves out all else that a plan has."""


def test_kinds_are_returned_in_the_order_asked_for_and_none_if_absent() -> None:
    found = RouteMeans(["fused", "demi_cycles", "translations"])(ERRORS, TwoPasses())
    assert isinstance(found, tuple)
    fused, demi_cycles, translations = found
    assert fused is None
    assert demi_cycles is not None
    assert translations is not None
    assert demi_cycles.metrics.keys() == {"v-to-v"}
    assert translations.metrics.keys() == {"v-to-t", "t-to-v"}


def test_one_kind_is_returned_by_itself() -> None:
    assert RouteMeans(["cycles"], cycles=True)(ERRORS, TwoPasses()) is None
    demi_cycles = RouteMeans(["demi_cycles"])(ERRORS, TwoPasses())
    assert not isinstance(demi_cycles, tuple | None)
    assert demi_cycles.loss.item() == pytest.approx(6)
