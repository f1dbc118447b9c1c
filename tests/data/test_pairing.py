from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from gwbricks.data import pair_items
from gwbricks.errors import ConfigError

ALL_HAVE = {name: torch.ones(20, dtype=torch.bool) for name in "abc"}


def has(*items: int, count: int = 6) -> Tensor:
    return torch.tensor([item in items for item in range(count)])


def matched_items(groups: Mapping[tuple[str, ...], Tensor]) -> dict[str, set[int]]:
    return {"".join(g): set(i.tolist()) for g, i in groups.items() if len(g) > 1}


@given(fewer=st.integers(0, 20), more=st.integers(0, 20), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_drawing_more_items_keeps_those_drawn_before(
    fewer: int, more: int, seed: int
) -> None:
    fewer, more = sorted((fewer, more))
    few, many = (
        matched_items(pair_items(ALL_HAVE, n, False, seed)).get("abc", set())
        for n in (fewer, more)
    )
    assert few <= many
    assert (len(few), len(many)) == (fewer, more)


def test_same_seed_draws_the_same_and_another_seed_others() -> None:
    first, again, other = (
        pair_items(ALL_HAVE, 8, False, seed)["a", "b", "c"].tolist()
        for seed in (0, 0, 1)
    )
    assert first == again != other
    assert first == sorted(set(first))


@given(
    counts=st.dictionaries(
        st.sampled_from(["a+b", "b+a+c", "c+b", "a+c"]), st.integers(0, 5), min_size=1
    )
)
@settings(max_examples=25, deadline=None)
def test_no_item_is_in_two_matched_groups(counts: dict[str, int]) -> None:
    found = matched_items(pair_items(ALL_HAVE, counts, True, 0))
    wanted = {"".join(sorted(key.split("+"))): n for key, n in counts.items() if n}
    assert {group: len(items) for group, items in found.items()} == wanted
    assert len(set().union(*found.values())) == sum(wanted.values())


def test_larger_groups_are_drawn_first() -> None:
    counts = {"a+b": None, "a+b+c": 15}
    groups = pair_items(ALL_HAVE, counts, False, 0)
    assert {"".join(g): len(i) for g, i in groups.items()} == {"ab": 5, "abc": 15}


def test_without_a_number_items_are_matched_by_what_they_have() -> None:
    present = {"a": has(0, 1, 2, 3), "b": has(1, 2, 5), "c": has(2, 3)}
    groups = pair_items(present, None, False, 0)
    assert {"".join(g): i.tolist() for g, i in groups.items()} == {
        "ab": [1],
        "abc": [2],
        "ac": [3],
    }


@pytest.mark.parametrize(
    ("unpaired", "expected"),
    [
        pytest.param(True, {"a": [0, 1], "b": [1, 3]}, id="all"),
        pytest.param(["b"], {"b": [1, 3]}, id="listed"),
        pytest.param(False, {}, id="none"),
    ],
)
def test_matched_items_also_appear_alone_if_asked_for(
    unpaired: bool | Sequence[str], expected: dict[str, list[int]]
) -> None:
    groups = pair_items({"a": has(0, 1), "b": has(1, 3)}, None, unpaired, 0)
    assert groups.pop(("a", "b")).tolist() == [1]
    assert {"".join(g): i.tolist() for g, i in groups.items()} == expected


def test_nothing_is_matched_if_none_are_asked_for() -> None:
    assert set(pair_items(ALL_HAVE, 0, True, 0)) == {("a",), ("b",), ("c",)}


@pytest.mark.parametrize("matched", [None, 5])
def test_one_domain_is_always_alone(matched: int | None) -> None:
    groups = pair_items({"a": has(0, 2)}, matched, False, 0)
    assert {g: i.tolist() for g, i in groups.items()} == {("a",): [0, 2]}


@given(names=st.permutations("abc"))
@settings(max_examples=6, deadline=None)
def test_order_of_domains_does_not_matter(names: list[str]) -> None:
    shuffled = {name: ALL_HAVE[name] for name in names}
    groups, expected = (pair_items(p, 7, True, 0) for p in (shuffled, ALL_HAVE))
    assert list(groups) == list(expected)
    for group, items in groups.items():
        assert torch.equal(items, expected[group])


@pytest.mark.parametrize(
    ("matched", "unpaired", "message"),
    [
        pytest.param(
            21,
            True,
            r"data\.matched: 21 items of a\+b\+c are asked for, but 20 .*Fix: ask for",
            id="too-many",
        ),
        pytest.param(
            {"a+b+c": 18, "a+b": 3},
            True,
            r"3 items of a\+b are asked for, but 2 have .*in no larger group",
            id="too-many-left",
        ),
        pytest.param(-1, True, r"-1 items of 'a\+b\+c'\. Expected 0 or", id="negative"),
        pytest.param(
            {"a+x": 1},
            True,
            r"no domain 'x' in 'a\+x'\..* a, b, c",
            id="unknown",
        ),
        pytest.param(
            {"a+b": 1, "b+a": 2},
            True,
            r"matched: 'b\+a' is given twice",
            id="twice",
        ),
        pytest.param(
            2, ["d"], r"data\.unpaired: no domain 'd'\..* names: a, b, c", id="unpaired"
        ),
    ],
)
def test_pairs_that_cannot_be_drawn_are_an_error(
    matched: Any,  # noqa: ANN401 - several forms
    unpaired: bool | Sequence[str],
    message: str,
) -> None:
    with pytest.raises(ConfigError, match=message):
        pair_items(ALL_HAVE, matched, unpaired, 0)
