"""Small trainers and graphs for the tests of training."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn, Tensor
from torch.optim import Adam, SGD
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

from gwbricks.bag_of_bricks import MLP
from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickMetrics,
    BrickNotTrainable,
    BrickTrainable,
)
from gwbricks.data import VectorsData
from gwbricks.domains import LinearDomain
from gwbricks.training import LightningBrickCollection
from gwbricks.workspace import (
    FusionRoutes,
    gw_bricks,
    GWDecoder,
    GWEncoder,
    RandomSelection,
    Routes,
    Selection,
    Workspace,
    WorkspaceDomain,
)

LIGHTNING_ADVICE = (
    "The number of training batches",  # a run shorter than its logging interval
    "You defined a `validation_step` but have no",  # a fit without validation
    r"Found \d+ module\(s\) in eval mode",  # frozen bricks
    "Checkpoint directory .* exists and is not empty",  # a run that is resumed
)
"""Warnings of Lightning about what these tests do on purpose."""

SIZES = {"t": 3, "v": 4}
ALL_KINDS = {
    "translations": 1.0,
    "demi_cycles": 0.5,
    "cycles": 2.0,
    "contrastives": 0.01,
    "fused": 0.25,
}


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., Trainer]:
    """Makes a silent trainer on the CPU that writes nothing unless it is told to."""
    for message in LIGHTNING_ADVICE:
        warnings.filterwarnings("ignore", message)
    silent = {
        "accelerator": "cpu",
        "max_epochs": 1,
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 0,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "default_root_dir": tmp_path,
    }
    return lambda **settings: Trainer(**{**silent, **settings})


class Scale(nn.Module):
    """Multiplies by a weight that starts at one."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the weighted mean of `x`."""
        return (self.weight * x).mean()


@pytest.fixture
def make_scale() -> Callable[..., LightningBrickCollection]:
    """Makes a model whose loss is the mean of `x`, as long as its rate is zero."""

    def make(lr: float = 0.0, **settings: Any) -> LightningBrickCollection:
        bricks = {"scale": BrickTrainable(Scale(), ["x"], ["mean"], ["mean"])}
        optimizer = partial(SGD, lr=lr)
        return LightningBrickCollection(BrickCollection(bricks), optimizer, **settings)

    return make


@pytest.fixture
def batches() -> Callable[..., DataLoader[Any]]:
    """Makes a loader of the numbers that it is given, one row each."""

    def make(numbers: Iterable[float], batch_size: int = 1) -> DataLoader[Any]:
        items: Any = [{"x": torch.tensor(float(number))} for number in numbers]
        return DataLoader(items, batch_size)

    return make


@pytest.fixture
def repeat() -> Callable[..., DataLoader[Any]]:
    """Makes a loader that gives the same batch in every step."""

    def make(batch: dict[str, Tensor], steps: int = 1) -> DataLoader[Any]:
        same: Any = [batch] * steps
        return DataLoader(same, batch_size=None)

    return make


@pytest.fixture
def make_classifier() -> Callable[..., LightningBrickCollection]:
    """Makes a classifier of the digits' morphological view, behind a frozen norm."""

    def make(init_seed: int = 0, **settings: Any) -> LightningBrickCollection:
        torch.manual_seed(init_seed)
        accuracy = MulticlassAccuracy(10, average="micro")
        compared = ["logits", "label"]
        bricks = {
            "norm": BrickNotTrainable(nn.BatchNorm1d(6), ["mor"], ["features"]),
            "dropout": BrickTrainable(nn.Dropout(0.2), ["features"], ["dropped"]),
            "head": BrickTrainable(MLP(6, 32, 10, 0), ["dropped"], ["logits"]),
            "loss": BrickLoss(nn.CrossEntropyLoss(), compared, ["cross_entropy"]),
            "metrics": BrickMetrics({"accuracy": accuracy}, compared),
        }
        settings = {"seed": 0, **settings}
        optimizer = partial(Adam, lr=1e-2)
        return LightningBrickCollection(BrickCollection(bricks), optimizer, **settings)

    return make


@pytest.fixture
def make_workspace() -> Callable[..., LightningBrickCollection]:
    """Makes a workspace of two frozen linear domains."""

    def make(
        loss_coefs: Mapping[str, Any],
        init_seed: int = 0,
        routes: Routes | None = None,
        selection: Selection | None = None,
        **settings: Any,
    ) -> LightningBrickCollection:
        torch.manual_seed(init_seed)
        domains = {
            name: WorkspaceDomain(
                LinearDomain(size, size),
                GWEncoder(size, 32, 8, 0),
                GWDecoder(8, 32, size, 0),
            )
            for name, size in SIZES.items()
        }
        workspace = Workspace(
            selection or RandomSelection(), routes=routes or FusionRoutes()
        )
        bricks = BrickCollection(gw_bricks(domains, workspace, loss_coefs))
        settings = {"seed": 0, **settings}
        return LightningBrickCollection(
            bricks, partial(Adam, lr=1e-2), loss_coefs, **settings
        )

    return make


@pytest.fixture
def make_vectors() -> Callable[..., VectorsData]:
    """Makes the data of that workspace: four steps an epoch."""
    rows = {"num_train": 32, "num_val": 20, "num_test": 12, "batch_size": 8}
    return lambda **settings: VectorsData(SIZES, **{**rows, **settings})


@pytest.fixture
def all_kinds() -> dict[str, float]:
    """A coefficient for every kind of loss of a workspace."""
    return dict(ALL_KINDS)
