import pytest
import torch
from hypothesis import given, settings, strategies as st

from gwbricks.workspace.planning.terms import Term, Terms

CPU = torch.device("cpu")


@given(rows=st.lists(st.tuples(st.integers(0, 3), st.floats(-5, 5)), min_size=1))
@settings(max_examples=25, deadline=None)
def test_means_are_those_of_each_terms_rows(rows: list[tuple[int, float]]) -> None:
    terms = [Term("cycles", str(i), "v", ("v",)) for i in range(4)]
    index = torch.tensor([term for term, _ in rows])
    means = Terms(terms, {"v": index}, CPU).means(
        torch.tensor([value for _, value in rows], dtype=torch.float64)
    )
    for term in range(4):
        values = [value for row, value in rows if row == term]
        expected = sum(values) / len(values) if values else 0.0
        assert means[term].item() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_averages_are_kept_for_what_is_switched_off() -> None:
    term = Term("cycles", "v-through-t", "v", ("v",))
    terms = Terms([term], {"v": torch.zeros(2, dtype=torch.long)}, CPU)
    everything, nothing = terms.averages(()), terms.averages((("cycles", "v"),))
    assert terms.averages(()) is everything
    assert everything.kinds == ("cycles",)
    assert everything.routes == (("cycles", "v-through-t"),)
    assert nothing.kinds == nothing.routes == ()
