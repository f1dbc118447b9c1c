import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn, Tensor

from gwbricks.errors import ConfigError
from gwbricks.workspace import (
    AttentionSelection,
    RandomSelection,
    Selection,
    SharedSelection,
    TopKSelection,
)

PRESENT = st.integers(1, 5).flatmap(
    lambda n: st.lists(
        st.lists(st.booleans(), min_size=n, max_size=n).filter(any), min_size=1
    )
)


@torch.no_grad()
def reference(selection: AttentionSelection, row: Tensor) -> Tensor:
    """The weights of one row whose domains are all there, one scalar at a time."""
    keys = [selection.key(encoding) for encoding in row]
    query, weights = selection.first_query, torch.empty(0)
    for step in range(selection.n_steps + 1):
        if step:
            assert selection.query is not None
            query = selection.query(
                sum(w * x for w, x in zip(weights, row, strict=True))
            )
        scores = [float(key @ query) * selection.scale for key in keys]
        total = sum(math.exp(score) for score in scores)
        weights = torch.tensor([math.exp(score) / total for score in scores])
    return weights


@pytest.mark.parametrize("n_steps", [0, 1, 3])
@given(rows=PRESENT)
@settings(max_examples=20, deadline=None)
def test_weights_are_those_of_the_formula_over_the_present_domains(
    n_steps: int, rows: list[list[bool]]
) -> None:
    torch.manual_seed(0)
    selection = AttentionSelection(dim=3, head_dim=4, n_steps=n_steps, temperature=0.5)
    present = torch.tensor(rows)
    encodings = torch.randn(*present.shape, 3).masked_fill(
        ~present.unsqueeze(-1), torch.nan
    )
    weights = selection({}, encodings, present)
    assert (weights[~present] == 0).all()
    for row, found, mask in zip(encodings, weights, present, strict=True):
        torch.testing.assert_close(found[mask], reference(selection, row[mask]))


def test_rows_do_not_see_each_other_and_one_row_is_enough() -> None:
    selection = AttentionSelection(dim=3, n_steps=2)
    encodings, present = torch.randn(4, 2, 3), torch.ones(4, 2, dtype=torch.bool)
    together = selection({}, encodings, present)
    for index in range(4):
        alone = selection({}, encodings[[index]], present[[index]])
        torch.testing.assert_close(alone[0], together[index])


def test_exported_program_takes_any_number_of_rows() -> None:
    selection, rows = AttentionSelection(dim=3, n_steps=1).eval(), torch.export.Dim.AUTO
    given = ({}, torch.randn(4, 2, 3), torch.ones(4, 2, dtype=torch.bool))
    shapes = ({}, {0: rows}, {0: rows})
    program = torch.export.export(selection, given, dynamic_shapes=shapes)
    other = ({}, torch.randn(7, 2, 3), torch.ones(7, 2, dtype=torch.bool))
    torch.testing.assert_close(program.module()(*other), selection(*other))


def test_low_temperature_makes_one_domain_dominate() -> None:
    torch.manual_seed(0)
    encodings, present = torch.randn(50, 3, 3), torch.ones(50, 3, dtype=torch.bool)
    largest = []
    for temperature in (100.0, 1.0, 0.01):
        torch.manual_seed(1)
        selection = AttentionSelection(3, temperature=temperature)
        largest.append(selection({}, encodings, present).max(dim=1).values.mean())
    assert largest[0] < 0.35
    assert largest[0] < largest[1] < largest[2]
    assert largest[2] > 0.9


def test_learns_to_leave_out_the_domain_that_is_noise() -> None:
    torch.manual_seed(0)
    selection = AttentionSelection(dim=4, head_dim=8, n_steps=1)
    optimizer = torch.optim.Adam(selection.parameters(), lr=0.02)
    present = torch.ones(64, 3, dtype=torch.bool)
    rows, noisy = torch.arange(64), torch.empty(0)
    weights = torch.empty(0)
    for _ in range(200):
        truth = torch.randn(64, 1, 4)
        noisy = torch.randint(3, (64,))
        encodings = truth.repeat(1, 3, 1)
        encodings[rows, noisy] += 3 * torch.randn(64, 4)
        weights = selection({}, encodings, present)
        state = torch.bmm(weights.unsqueeze(1), encodings)
        loss = nn.functional.mse_loss(state, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert weights[rows, noisy].mean() < 0.15


@given(rows=PRESENT, k=st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_top_keeps_the_largest_weights_of_present_domains(
    rows: list[list[bool]], k: int
) -> None:
    present = torch.tensor(rows)
    encodings = torch.zeros(*present.shape, 2)
    torch.manual_seed(0)
    weights = RandomSelection()({}, encodings, present)
    torch.manual_seed(0)
    kept = TopKSelection(RandomSelection(), k)({}, encodings, present)
    for before, after in zip(weights, kept, strict=True):
        largest = sorted(before.tolist(), reverse=True)[:k]
        expected = [w if w in largest and w > 0 else 0.0 for w in before.tolist()]
        torch.testing.assert_close(after, torch.tensor(expected) / sum(largest))


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        pytest.param(AttentionSelection, {"dim": 0}, r"dim: 0\. Expected 1", id="dim"),
        pytest.param(
            AttentionSelection,
            {"dim": 2, "head_dim": 0},
            r"head_dim: 0\. Expected 1",
            id="head",
        ),
        pytest.param(
            AttentionSelection,
            {"dim": 2, "n_steps": -1},
            r"n_steps: -1\. Expected 0",
            id="steps",
        ),
        pytest.param(
            AttentionSelection,
            {"dim": 2, "temperature": 0.0},
            r"temperature: 0\.0\. Expected a number above 0",
            id="temperature",
        ),
        pytest.param(
            TopKSelection,
            {"selection": SharedSelection(), "k": 0},
            r"k: 0\. Expected 1",
            id="k",
        ),
    ],
)
def test_impossible_arguments_are_named(
    kind: type[Selection], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        kind(**arguments)
