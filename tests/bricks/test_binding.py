from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st

from gwbricks.bricks import BrickCollection, BrickModule, BrickNotTrainable, Stage
from gwbricks.bricks.binding import bind, Binding
from gwbricks.bricks.names import InputNames, parse_reads

NAMES = ["x", "y", "v/x", "t/x"]


def collect(*args: object, **kwargs: object) -> object:
    return args, kwargs


@pytest.mark.parametrize(
    ("input_names", "expected"),
    [
        pytest.param(["y", "x"], Binding(("y", "x"), {}), id="positional"),
        pytest.param({"x": "a"}, Binding((), {"a": "x"}), id="keyword"),
        pytest.param(["z?", "x?"], Binding((None, "x"), {}), id="optional"),
        pytest.param(
            ["*/x"], Binding(({"t": "t/x", "v": "v/x"},), {}), id="pattern-sorted"
        ),
        pytest.param(["*/z?"], Binding(({},), {}), id="optional-pattern"),
        pytest.param(["stage"], Binding(("stage",), {}), id="stage"),
        pytest.param(
            "all", Binding(({name: name for name in NAMES},), {}), id="all-in-order"
        ),
    ],
)
def test_arguments_are_names(input_names: InputNames, expected: Binding) -> None:
    found = bind(parse_reads(input_names), NAMES, own=["out"])
    assert found == expected
    assert [list(arg) for arg in found.args if isinstance(arg, dict)] == [
        list(arg) for arg in expected.args if isinstance(arg, dict)
    ]


@pytest.mark.parametrize("input_names", ["all", ["*/x"]])
def test_own_outputs_are_no_inputs_unless_named(input_names: InputNames) -> None:
    bound = bind(parse_reads(input_names), ["v/x", "t/x"], own=["t/x"])
    assert bound.names == ["v/x"]
    assert bind(parse_reads(["t/x"]), ["t/x"], own=["t/x"]).names == ["t/x"]


def test_values_are_picked_as_the_names_say() -> None:
    binding = Binding(("x", None, {"t": "t/x"}), {"a": "y", "b": {"v": "v/x"}})
    values = dict(zip(NAMES, range(4), strict=True))
    assert binding.pick(values) == ([0, None, {"t": 3}], {"a": 1, "b": {"v": 2}})
    assert binding.names == ["x", "t/x", "y", "v/x"]


POSITIONAL = st.lists(
    st.sampled_from(["x", "y?", "z?", "*", "*/x", "*/z?", "stage", "v/*"]), max_size=4
)


@given(
    input_names=st.one_of(
        st.just("all"),
        POSITIONAL,
        POSITIONAL.map(lambda reads: {r: f"arg{i}" for i, r in enumerate(reads)}),
    ),
    data=st.dictionaries(st.sampled_from(["y", "t/x", "w"]), st.integers()),
)
def test_a_brick_alone_is_given_what_it_is_given_in_a_collection(
    input_names: list[str] | Mapping[str, str] | str, data: dict[str, Any]
) -> None:
    data |= {"x": 1, "v/x": 2}
    alone = BrickModule(collect, input_names, ["out"])(data, Stage.TEST)
    bricks = {"a": BrickNotTrainable(collect, input_names, ["out"])}
    assert BrickCollection(bricks).run(data, Stage.TEST) == alone
