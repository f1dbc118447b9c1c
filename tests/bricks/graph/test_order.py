import pytest
from torchmetrics import MeanMetric

from gwbricks.bricks import BrickMetricSingle, BrickNotTrainable, Stage, Wiring
from gwbricks.bricks.graph.order import find_steps, needed_bricks
from gwbricks.errors import UnknownNameError

BRICKS = {
    "b": BrickNotTrainable(abs, ["y"], ["z"]),
    "a": BrickNotTrainable(abs, ["x"], ["y"]),
    "mean": BrickMetricSingle(MeanMetric(), ["y"], alive_stages=["test"]),
    "other": BrickNotTrainable(abs, ["w"], ["v"]),
}


def wiring(*given: str) -> Wiring:
    return Wiring(Stage.TEST, BRICKS, frozenset(given))


@pytest.mark.parametrize(
    ("outputs", "update_metrics", "expected"),
    [
        pytest.param(None, True, {"a", "b", "mean", "other"}, id="all"),
        pytest.param(None, False, {"a", "b", "other"}, id="all-but-metrics"),
        pytest.param(["y"], False, {"a"}, id="output"),
        pytest.param(["v"], True, {"a", "mean", "other"}, id="output-and-metrics"),
        pytest.param(["x"], False, set(), id="data"),
    ],
)
def test_needed_is_what_is_wanted_and_what_it_reads(
    outputs: list[str] | None, update_metrics: bool, expected: set[str]
) -> None:
    assert needed_bricks(wiring("x", "w"), outputs, update_metrics) == expected


def test_steps_come_in_order_with_gradients_only_where_they_are_wanted() -> None:
    steps = find_steps(wiring("x", "w"), gradients_to=["y"], update_metrics=False)
    assert {s.path: s.gradients for s in steps} == {
        "a": True,
        "b": False,
        "other": False,
    }
    assert [s.path for s in steps if s.path != "other"] == ["a", "b"]


def test_only_the_inputs_of_what_is_needed_must_be_there() -> None:
    assert len(find_steps(wiring("x"), ["z"], update_metrics=False)) == 2
    with pytest.raises(UnknownNameError, match=r"other\.input_names: .*'w'"):
        find_steps(wiring("x"))
