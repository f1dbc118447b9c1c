"""Compiled training is the training of the bricks, step by step."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn, Tensor
from torch.optim import Adam
from torchmetrics.classification import MulticlassAccuracy

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickMetrics,
    BrickTrainable,
)
from gwbricks.data import DigitsData
from gwbricks.errors import CompileError
from gwbricks.training import LightningBrickCollection
from gwbricks.workspace import FusionRoutes, Routes, SimpleRoutes

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch._prims_common.check`:FutureWarning"),
]
Maker = Callable[..., Any]
COMPILE = torch.compile


@pytest.fixture
def traced_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs programs as they were traced: no compiler is waited for."""

    def run(program: nn.Module, dynamic: bool, options: object) -> Callable[..., Any]:
        del options
        return COMPILE(program, dynamic=dynamic, backend="aot_eager")

    monkeypatch.setattr(torch, "compile", run)
    yield
    torch.compiler.reset()


def train(
    model: LightningBrickCollection, data: object, make_trainer: Maker
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns what was logged, and the weights and buffers."""
    trainer = make_trainer(max_epochs=2)
    trainer.fit(model, data)
    return dict(trainer.callback_metrics), dict(model.brick_collection.state_dict())


def assert_close(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(
            value, second[name], rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.slow
@pytest.mark.parametrize("routes", [FusionRoutes(), SimpleRoutes()])
@pytest.mark.usefixtures("traced_only")
def test_workspace_is_trained_as_without(
    routes: Routes,
    make_workspace: Maker,
    make_vectors: Maker,
    make_trainer: Maker,
    all_kinds: dict[str, float],
) -> None:
    if isinstance(routes, SimpleRoutes):
        del all_kinds["fused"]
    all_kinds["cycles"] = 0.0  # computed, but without gradients
    runs = [
        train(
            make_workspace(all_kinds, routes=routes, **s), make_vectors(), make_trainer
        )
        for s in ({}, {"compiled": True})
    ]
    for expected, found in zip(*runs, strict=True):
        assert_close(expected, found)


def make_classifier(**settings: Any) -> LightningBrickCollection:
    """Makes a classifier with random numbers, running statistics and a metric."""
    torch.manual_seed(0)
    compared = ["logits", "label"]
    accuracy = MulticlassAccuracy(10, average="micro")
    layers = nn.Sequential(nn.BatchNorm1d(6), nn.Dropout(0.2), nn.Linear(6, 10))
    bricks = {
        "head": BrickTrainable(layers, ["mor"], ["logits"]),
        "loss": BrickLoss(nn.CrossEntropyLoss(), compared, ["cross_entropy"]),
        "metrics": BrickMetrics({"accuracy": accuracy}, compared),
    }
    optimizer = partial(Adam, lr=1e-2)
    return LightningBrickCollection(
        BrickCollection(bricks), optimizer, seed=0, **settings
    )


@pytest.mark.parametrize(
    "fixtures",
    ["traced_only", pytest.param("make_trainer", marks=pytest.mark.slow)],
    ids=["traced", "compiled"],
)
def test_random_numbers_statistics_and_metrics_are_those_without(
    fixtures: str, make_trainer: Maker, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(fixtures)
    data = DigitsData(["mor"], batch_size=350)
    runs = [
        train(make_classifier(**settings), data, make_trainer)
        for settings in ({}, {"compiled": True})
    ]
    for expected, found in zip(*runs, strict=True):
        assert_close(expected, found)
    assert "train/accuracy" in runs[1][0]


@pytest.mark.usefixtures("traced_only")
def test_routes_that_are_drawn_cannot_be_compiled(
    make_workspace: Maker,
    make_vectors: Maker,
    make_trainer: Maker,
    all_kinds: dict[str, float],
) -> None:
    model = make_workspace(all_kinds, routes=FusionRoutes(sample=3), compiled=True)
    with pytest.raises(CompileError, match=r"new for each.*routes\.sample=null"):
        train(model, make_vectors(), make_trainer)
