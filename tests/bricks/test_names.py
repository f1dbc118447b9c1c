import re

import pytest
from hypothesis import given, strategies as st

from gwbricks.bricks.names import InputNames, parse_reads, Read
from gwbricks.errors import WiringError


@pytest.mark.parametrize(
    ("input_names", "expected"),
    [
        pytest.param(["x", "y"], (Read("x"), Read("y")), id="positional"),
        pytest.param({"x": "image"}, (Read("x", "image"),), id="keyword"),
        pytest.param(["x?"], (Read("x", optional=True),), id="optional"),
        pytest.param({"x?": "a"}, (Read("x", "a", optional=True),), id="both"),
        pytest.param(["*/x"], (Read("*/x"),), id="pattern"),
        pytest.param([], (), id="nothing"),
        pytest.param("all", None, id="all"),
    ],
)
def test_reads_input_names_in_every_form(
    input_names: InputNames, expected: tuple[Read, ...] | None
) -> None:
    assert parse_reads(input_names) == expected


def test_only_a_name_with_a_star_is_a_pattern() -> None:
    assert Read("*/x").is_pattern
    assert not Read("v/x").is_pattern


def test_a_string_instead_of_a_list_names_the_fix() -> None:
    with pytest.raises(
        WiringError, match=r"input_names: 'image' is a string\..*Fix: \[image\]\."
    ):
        parse_reads("image")


def test_two_stars_in_a_pattern_are_an_error() -> None:
    with pytest.raises(WiringError, match=r"'\*/\*' has more than one star"):
        parse_reads(["*/*"])


@pytest.mark.parametrize(
    ("pattern", "names", "expected"),
    [
        pytest.param(
            "*/x", ["v/x", "t/x", "v/y"], {"t/x": "t", "v/x": "v"}, id="prefix"
        ),
        pytest.param("v/*", ["v/x", "t/x", "v/y"], {"v/x": "x", "v/y": "y"}, id="rest"),
        pytest.param("*/x", ["a/b/x"], {"a/b/x": "a/b"}, id="nested"),
        pytest.param("[v]/*", ["v/x", "[v]/x"], {"[v]/x": "x"}, id="brackets-are-text"),
        pytest.param("ab*ba", ["aba", "abba"], {"abba": ""}, id="no-overlap"),
        pytest.param("*/x", ["x", "v/xx"], {}, id="no-match"),
    ],
)
def test_a_pattern_finds_what_its_star_stands_for(
    pattern: str, names: list[str], expected: dict[str, str]
) -> None:
    assert Read(pattern).matches(names) == expected


@given(
    head=st.text("ab/[]", max_size=3),
    tail=st.text("ab/[]", max_size=3),
    names=st.lists(st.text("ab/[]", max_size=7), unique=True),
)
def test_a_star_stands_for_any_text_and_all_else_for_itself(
    head: str, tail: str, names: list[str]
) -> None:
    expression = re.compile(f"{re.escape(head)}(.*){re.escape(tail)}")
    found = {name: expression.fullmatch(name) for name in names}
    expected = {name: match[1] for name, match in found.items() if match}
    assert Read(f"{head}*{tail}").matches(names) == expected


@given(names=st.permutations(["t/x", "v/x", "a/x", "b/y"]))
def test_matches_come_in_sorted_order(names: list[str]) -> None:
    assert list(Read("*/x").matches(names).values()) == ["a", "t", "v"]
