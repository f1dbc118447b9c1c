import pytest
import torch
from torch import nn
from torchmetrics import MeanMetric

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickMetrics,
    BrickMetricSingle,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
    Stage,
)
from gwbricks.errors import WiringError


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(nn.Linear(2, 2), id="weights"),
        pytest.param(nn.BatchNorm1d(2, affine=False), id="buffers-only"),
    ],
)
def test_one_module_cannot_be_both_trained_and_frozen(module: nn.Module) -> None:
    bricks = {
        "a": {"frozen": BrickNotTrainable(module, ["x"], ["y"])},
        "b": BrickTrainable(nn.Sequential(module), ["x"], ["z"]),
    }
    with pytest.raises(
        WiringError,
        match=r"^b: its module is also in 'a\.frozen', .*one of them a BrickShared",
    ):
        BrickCollection(bricks)


def test_one_module_may_be_trained_in_two_bricks() -> None:
    module = nn.Linear(2, 2)
    collection = BrickCollection(
        {
            "a": BrickTrainable(module, ["x"], ["y"]),
            "b": BrickTrainable(module, ["y"], ["z"]),
        }
    )
    x = torch.ones(1, 2)
    torch.testing.assert_close(
        collection({"x": x}, Stage.TRAIN)["z"], module(module(x))
    )


@pytest.mark.parametrize("name", ["", "gw.v"])
def test_a_name_that_is_no_part_of_a_path_is_an_error(name: str) -> None:
    brick = BrickShared("other", ["x"], ["y"])
    with pytest.raises(WiringError, match=f"bricks: '{name}' cannot be a brick's name"):
        BrickCollection({name: brick})


@pytest.mark.parametrize("name", ["train", "forward", "inputs", "keys", "t"])
def test_a_brick_may_be_called_like_a_method(name: str) -> None:
    collection = BrickCollection({name: BrickNotTrainable(nn.Identity(), ["x"], ["y"])})
    assert collection.train()({"x": 1}, Stage.TEST)["y"] == 1
    assert list(collection.keys()) == [name]


def test_what_is_not_a_brick_names_the_fix() -> None:
    with pytest.raises(
        WiringError, match=r"bricks\.head: Linear is not a brick\..*BrickTrainable\("
    ):
        BrickCollection({"head": nn.Linear(2, 2)})


def test_two_metrics_of_one_name_in_one_stage_are_an_error() -> None:
    bricks = {
        "v": {"error": BrickMetricSingle(MeanMetric(), ["x"], "error", ["train"])},
        "t": BrickMetrics({"error": MeanMetric()}, ["x"]),
    }
    with pytest.raises(
        WiringError,
        match=r"^v\.error: 't' already has the name 'error' among metrics and losses",
    ):
        BrickCollection(bricks)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        pytest.param("loss", "the objective", id="objective"),
        pytest.param("mse", "error", id="loss"),
    ],
)
def test_metric_with_the_name_of_a_loss_is_an_error(name: str, owner: str) -> None:
    bricks = {
        "error": BrickLoss(torch.nn.MSELoss(), ["x", "y"], ["mse"]),
        "gathered": BrickMetricSingle(MeanMetric(), ["x"], name),
    }
    with pytest.raises(WiringError, match=f"^gathered: '{owner}' already has the name"):
        BrickCollection(bricks)


def test_two_metrics_of_one_name_in_different_stages_are_fine() -> None:
    bricks = {
        stage: BrickMetricSingle(MeanMetric(), ["x"], "error", [stage])
        for stage in ("train", "test")
    }
    collection = BrickCollection(bricks)
    collection({"x": torch.tensor(2.0)}, Stage.TRAIN)
    assert collection.summarize(Stage.TRAIN, reset=True) == {"error": 2.0}
