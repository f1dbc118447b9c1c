import pytest
import torch
from torch import Tensor
from torchmetrics import (
    MaxMetric,
    MeanMetric,
    MeanSquaredError,
    Metric,
    MetricCollection,
)

from gwbricks.bricks import (
    BrickCollection,
    BrickMetrics,
    BrickMetricSingle,
    BrickModule,
    BrickNotTrainable,
    Stage,
)

ONE, TWO, SIX = torch.tensor(1.0), torch.tensor(2.0), torch.tensor(6.0)


def mean_and_max(as_collection: bool) -> MetricCollection | dict[str, Metric]:
    metrics: dict[str, Metric] = {"mean": MeanMetric(), "max": MaxMetric()}
    return MetricCollection(dict(metrics)) if as_collection else metrics


@pytest.mark.parametrize("as_collection", [True, False])
def test_gathers_over_batches(as_collection: bool) -> None:
    metrics = BrickMetrics(mean_and_max(as_collection), ["x"])
    collection = BrickCollection({"gw": {"metrics": metrics}})
    for x in (ONE, TWO, SIX):
        collection({"x": x}, Stage.TRAIN)
    assert collection.summarize(Stage.TRAIN, reset=False) == {"mean": 3.0, "max": 6.0}


def test_a_summary_runs_no_module() -> None:
    calls: list[Tensor] = []
    bricks = {
        "keep": BrickNotTrainable(lambda x: calls.append(x) or x, ["x"], ["y"]),
        "mean": BrickMetricSingle(MeanMetric(), ["y"], "mean"),
    }
    collection = BrickCollection(bricks)
    collection({"x": ONE}, Stage.TRAIN)
    assert collection.summarize(Stage.TRAIN, reset=True) == {"mean": 1.0}
    assert len(calls) == 1


def test_each_stage_is_gathered_by_itself() -> None:
    collection = BrickCollection({"mean": BrickMetricSingle(MeanMetric(), ["x"], "m")})
    collection({"x": ONE}, Stage.TRAIN)
    collection({"x": SIX}, Stage.VALIDATION)
    assert collection.summarize(Stage.TRAIN, reset=False) == {"m": 1.0}
    assert collection.summarize(Stage.VALIDATION, reset=False) == {"m": 6.0}


@pytest.mark.parametrize(
    ("reset", "expected"),
    [pytest.param(True, 6.0, id="reset"), pytest.param(False, 4.0, id="go-on")],
)
def test_reset_starts_anew(reset: bool, expected: float) -> None:
    collection = BrickCollection({"mean": BrickMetricSingle(MeanMetric(), ["x"], "m")})
    collection({"x": TWO}, Stage.TEST)
    assert collection.summarize(Stage.TEST, reset=reset) == {"m": 2.0}
    collection({"x": SIX}, Stage.TEST)
    assert collection.summarize(Stage.TEST, reset=reset) == {"m": expected}


def test_there_is_no_summary_without_a_batch() -> None:
    collection = BrickCollection({"mean": BrickMetricSingle(MeanMetric(), ["x"], "m")})
    assert collection.summarize(Stage.TRAIN, reset=True) == {}
    collection({"x": TWO}, Stage.TRAIN)
    collection.summarize(Stage.TRAIN, reset=True)
    assert collection.summarize(Stage.TRAIN, reset=True) == {}


@pytest.mark.parametrize("stage", [Stage.INFERENCE, Stage.EXPORT])
def test_is_dead_where_there_are_no_targets(stage: Stage) -> None:
    brick = BrickMetricSingle(MeanMetric(), ["target"], "m")
    collection = BrickCollection({"mean": brick})
    assert collection({"x": ONE}, stage) == {"x": ONE}
    assert collection.summarize(stage, reset=True) == {}


def test_can_be_alive_in_all_stages() -> None:
    brick = BrickMetricSingle(MeanMetric(), ["x"], "m", alive_stages="all")
    collection = BrickCollection({"mean": brick})
    for stage in Stage:
        collection({"x": TWO}, stage)
    assert [collection.summarize(s, reset=True) for s in Stage] == [{"m": 2.0}] * 5


def test_metrics_are_no_outputs_unless_asked_for() -> None:
    collection = BrickCollection({"mean": BrickMetricSingle(MeanMetric(), ["x"], "m")})
    assert collection({"x": ONE}, Stage.TRAIN) == {"x": ONE}


@pytest.mark.parametrize("names", [["mean"], ["mean", "max"]])
def test_returned_metrics_are_those_of_the_batch(names: list[str]) -> None:
    metrics = {name: MeanMetric() for name in names}
    seen: list[float] = []
    collection = BrickCollection(
        {
            "metrics": BrickMetrics(metrics, ["x"], return_metrics=True),
            "reader": BrickNotTrainable(seen.append, ["mean"], [], ["train"]),
        }
    )
    for x in (TWO, SIX):
        values = collection({"x": x}, Stage.TRAIN, return_inputs=False)
        assert values == dict.fromkeys(names, x)
    assert seen == [2.0, 6.0]
    assert collection.summarize(Stage.TRAIN, reset=True) == dict.fromkeys(names, 4.0)


def test_returned_metrics_can_be_wanted_outputs() -> None:
    brick = BrickMetricSingle(MeanMetric(), ["x"], return_metrics=True)
    collection = BrickCollection({"mean": brick})
    values = collection({"x": TWO}, Stage.TRAIN, outputs=["MeanMetric"])
    assert values["MeanMetric"] == 2.0


@pytest.mark.parametrize("return_metrics", [True, False])
def test_metrics_build_no_gradient_graph(return_metrics: bool) -> None:
    x = torch.ones(3, requires_grad=True)
    brick = BrickMetricSingle(
        MeanSquaredError(), ["x", "target"], "error", return_metrics=return_metrics
    )
    collection = BrickCollection({"error": brick})
    values = collection({"x": x, "target": torch.zeros(3)}, Stage.TRAIN)
    summary = collection.summarize(Stage.TRAIN, reset=True)
    assert not summary["error"].requires_grad
    assert not values.get("error", summary["error"]).requires_grad


def test_the_callers_metric_is_left_alone() -> None:
    metric = MeanMetric()
    collection = BrickCollection({"mean": BrickMetricSingle(metric, ["x"], "m")})
    collection({"x": TWO}, Stage.TRAIN)
    assert not metric.update_called


def test_wanting_outputs_does_not_update_metrics() -> None:
    collection = BrickCollection(
        {
            "double": BrickModule(lambda x: 2 * x, ["x"], ["y"]),
            "mean": BrickMetricSingle(MeanMetric(), ["y"], "m"),
        }
    )
    collection({"x": TWO}, Stage.TEST, outputs=["y"])
    assert collection.summarize(Stage.TEST, reset=True) == {}


def test_reads_by_argument_name() -> None:
    brick = BrickMetricSingle(
        MeanSquaredError(), {"a": "target", "b": "preds"}, "error"
    )
    collection = BrickCollection({"error": brick})
    collection({"a": ONE, "b": torch.tensor(4.0)}, Stage.TEST)
    assert collection.summarize(Stage.TEST, reset=True) == {"error": 9.0}


def test_drawn_names_are_those_of_the_data() -> None:
    reads = {"found": "preds", "wanted": "target"}
    brick = BrickMetricSingle(MeanSquaredError(), reads, "error")
    text = BrickCollection({"error": brick}).draw(Stage.TEST)
    assert "found" in text
    assert "wanted" in text
    assert "preds" not in text


def test_label_lists_the_metrics() -> None:
    assert set(BrickMetrics(mean_and_max(False), ["x"]).label.split(", ")) == {
        "mean",
        "max",
    }


def test_runs_on_its_own() -> None:
    brick = BrickMetricSingle(MeanMetric(), ["x"], "m", return_metrics=True)
    assert brick({"x": SIX}, Stage.TRAIN) == {"m": 6.0}
    assert brick.summarize(Stage.TRAIN, reset=True) == {"m": 6.0}
