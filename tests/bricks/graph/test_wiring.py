from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, strategies as st

from gwbricks.bricks import BrickCollection, BrickNotTrainable, Stage, Wiring
from gwbricks.bricks.graph.wiring import descendants
from gwbricks.bricks.names import InputNames

Graph = dict[str, list[str]]
"""What each brick reads; brick `b1` writes the name `b1`."""


def collect(*values: object) -> tuple[object, ...]:
    return values


def brick(
    input_names: InputNames, output_names: Sequence[str], **settings: Any
) -> BrickNotTrainable:
    return BrickNotTrainable(collect, input_names, output_names, **settings)


def naive_needs(graph: Graph, name: str) -> set[str]:
    if name == "x":
        return set()
    return {name}.union(*(naive_needs(graph, read) for read in graph[name]))


@st.composite
def shuffled_graphs(draw: st.DrawFn) -> Graph:
    names = [f"b{index}" for index in range(draw(st.integers(1, 7)))]
    graph = {
        name: draw(st.lists(st.sampled_from(["x", *names[:index]]), max_size=3))
        for index, name in enumerate(names)
    }
    return {name: graph[name] for name in draw(st.permutations(names))}


@given(names=st.permutations(["early", "late", "everything"]))
def test_all_means_every_name_that_does_not_come_after(names: list[str]) -> None:
    bricks = {
        "early": brick(["x"], ["e"]),
        "everything": brick("all", ["a"]),
        "late": brick(["a"], ["l"]),
    }
    values = BrickCollection({n: bricks[n] for n in names})({"x": 1}, Stage.TEST)
    assert values["a"] == ({"x": 1, "e": (1,)},)
    assert values["l"] == (values["a"],)


def test_two_bricks_that_read_all_do_not_wait_for_each_other() -> None:
    bricks = {"a": brick("all", ["y"]), "b": brick("all", ["z"])}
    values = BrickCollection(bricks)({"x": 1}, Stage.TEST)
    assert values["z"] == ({"x": 1},)
    assert values["y"] == ({"x": 1, "z": values["z"]},)


def test_a_pattern_reads_data_and_outputs_but_not_its_own() -> None:
    bricks = {"gather": brick(["*/x"], ["all/x"]), "make": brick([], ["made/x"])}
    values = BrickCollection(bricks)({"given/x": 1}, Stage.TEST)
    assert values["all/x"] == ({"given": 1, "made": ()},)


@pytest.mark.parametrize("input_names", ["all", ["stage"], ["stage?"]])
def test_the_callers_own_stage_wins(input_names: InputNames) -> None:
    named_inputs = {"stage": "mine"}
    values = BrickCollection({"a": brick(input_names, ["y"])})(named_inputs, Stage.TEST)
    assert values["y"] == (named_inputs if input_names == "all" else "mine",)
    assert named_inputs == {"stage": "mine"}


@pytest.mark.parametrize("input_names", [["stage"], ["stage?"], {"stage": "s"}])
def test_a_brick_that_asks_for_the_stage_gets_it(input_names: InputNames) -> None:
    asks = BrickNotTrainable(lambda s: s, input_names, ["y"])
    collection = BrickCollection({"asks": asks}, inputs=[])
    assert [collection({}, stage) for stage in Stage] == [{"y": s} for s in Stage]


@pytest.mark.parametrize("given", [["image"], ["image", "targets"]])
def test_inputs_that_only_other_stages_need_may_be_missing(given: list[str]) -> None:
    bricks = {
        "head": brick(["image"], ["logits"]),
        "loss": brick(["logits", "targets"], ["loss"], alive_stages=["train"]),
    }
    values = BrickCollection(bricks)(dict.fromkeys(given, 1), Stage.INFERENCE)
    assert values.keys() == {*given, "logits"}


def test_two_writers_in_different_stages_are_fine() -> None:
    bricks = {
        stage: BrickNotTrainable(lambda s: s.value, ["stage"], ["y"], [stage])
        for stage in ("train", "test")
    }
    collection = BrickCollection(bricks, inputs=[])
    assert collection({}, Stage.TRAIN) == {"y": "train"}
    assert collection({}, Stage.TEST) == {"y": "test"}
    assert collection({}, Stage.EXPORT) == {}


def test_a_wanted_input_needs_no_brick() -> None:
    collection = BrickCollection({"a": brick(["missing"], ["y"])})
    assert collection({"x": 1}, Stage.TEST, outputs=["x"]) == {"x": 1}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            {"v": 1, "t": 2},
            {
                "v/latent": (1,),
                "t/latent": (2,),
                "t/code": ((2,),),
                "state": ({"t": (2,), "v": (1,)}, ((2,),)),
            },
            id="nothing-missing",
        ),
        pytest.param(
            {"v": 1},
            {"v/latent": (1,), "state": ({"v": (1,)}, None)},
            id="skips-what-needs-it-but-not-patterns-and-optionals",
        ),
    ],
)
def test_bricks_are_skipped_where_their_data_is_missing(
    given: Mapping[str, int], expected: Mapping[str, object]
) -> None:
    bricks = {
        "v": brick(["v"], ["v/latent"], skip_missing=True),
        "t": brick(["t"], ["t/latent"], skip_missing=True),
        "code": brick(["t/latent"], ["t/code"]),
        "fuse": brick(["*/latent", "t/code?"], ["state"]),
    }
    values = BrickCollection(bricks)(given, Stage.TEST, return_inputs=False)
    assert values == expected


def test_all_leaves_out_what_was_skipped() -> None:
    bricks = {
        "t": brick(["t"], ["t/latent"], skip_missing=True),
        "everything": brick("all", ["y"]),
    }
    assert BrickCollection(bricks)({"x": 1}, Stage.TEST)["y"] == ({"x": 1},)


@pytest.mark.parametrize(
    ("input_names", "settings", "expected"),
    [
        pytest.param(["*/latent?"], {}, {"y": ({},)}, id="optional"),
        pytest.param(["*/latent"], {"skip_missing": True}, {}, id="skipped"),
    ],
)
def test_a_pattern_without_a_match_can_be_optional_or_skipped(
    input_names: list[str], settings: dict[str, bool], expected: dict[str, object]
) -> None:
    collection = BrickCollection(
        {"a": brick(input_names, ["y"], **settings)}, inputs=[]
    )
    assert collection({}, Stage.TEST) == expected


def test_what_only_skipped_bricks_need_is_not_run() -> None:
    calls: list[str] = []
    bricks = {
        "before": BrickNotTrainable(lambda: calls.append("before"), [], ["b"]),
        "skipped": brick(["b", "missing"], ["s"], skip_missing=True),
        "reader": brick(["s?"], ["y"]),
    }
    values = BrickCollection(bricks)({}, Stage.TEST, outputs=["y"])
    assert values == {"y": (None,)}
    assert calls == []


def test_wiring_shows_the_graph_of_a_stage() -> None:
    bricks = {
        "b": brick(["y"], ["z"]),
        "a": brick(["x"], ["y"]),
        "dead": brick(["x"], ["w"], alive_stages="none"),
    }
    wiring = BrickCollection(bricks, inputs=["x"]).wiring(Stage.TEST)
    assert isinstance(wiring, Wiring)
    assert wiring.order == ["a", "b"]
    assert wiring.sources == {"a": [], "b": ["a"]}
    assert wiring.writers == {"y": "a", "z": "b"}


def test_wiring_can_be_asked_for_other_inputs() -> None:
    collection = BrickCollection({"a": brick(["x"], ["y"], skip_missing=True)})
    assert collection.wiring(Stage.TEST).skipped == {"a"}
    assert collection.wiring(Stage.TEST, ["x"]).skipped == set()


@given(graph=shuffled_graphs(), data=st.data())
def test_descendants_are_those_that_need_a_brick(
    graph: Graph, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(graph)))
    expected = {name for name in graph if path in naive_needs(graph, name)}
    assert descendants(graph, path) == expected
