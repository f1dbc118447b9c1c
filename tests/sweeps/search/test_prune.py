from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule
from omegaconf import OmegaConf

from gwbricks.errors import PrunedError
from gwbricks.sweeps.search.prune import PruneTrial, pruning_callbacks
from gwbricks.sweeps.search.settings import SearchSettings
from gwbricks.sweeps.search.space import Space
from gwbricks.sweeps.search.study import Search

MEDIAN = {"name": "median", "n_startup_trials": 2}


def trainer(epoch: int, **metrics: float) -> Any:  # noqa: ANN401 - a part of one
    found = {f"val/{name}": torch.tensor(value) for name, value in metrics.items()}
    return SimpleNamespace(
        current_epoch=epoch,
        max_epochs=4,
        callback_metrics=found,
        sanity_checking=False,
    )


def callback(folder: Path, number: int, pruner: object = MEDIAN) -> PruneTrial | None:
    sweeper = {"trial": number, "pruner": pruner, "storage": "journal"}
    found = pruning_callbacks(OmegaConf.create(sweeper), folder, "val/loss")
    assert all(isinstance(each, PruneTrial) for each in found)
    return found[0] if found else None  # pyright: ignore[reportReturnType] - as asserted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study with two trials whose loss was 1.0 in every epoch, and one that runs."""
    (tmp_path / "jobs").mkdir()
    settings = SearchSettings(["val/loss"], storage="journal", pruner=MEDIAN)
    search = Search(settings, Space.parse({}, ["a=interval(0,1)"]), tmp_path, "")
    for _ in range(2):
        ((trial, _),) = search.take()
        for epoch in range(3):
            trial.report(1.0, epoch)
        search.tell(trial, "run", 1.0, "finished")
    search.take()
    return tmp_path


def test_trial_that_is_worse_than_others_is_stopped(folder: Path) -> None:
    found, module = callback(folder, 2), LightningModule()
    assert found is not None
    with pytest.raises(PrunedError, match=r"^val/loss 1\.5 after 2 epochs$"):
        found.on_validation_end(trainer(1, loss=1.5), module)


def test_trial_that_is_better_than_others_goes_on(folder: Path) -> None:
    found, module = callback(folder, 2), LightningModule()
    assert found is not None
    for epoch in range(3):
        found.on_validation_end(trainer(epoch, loss=0.9), module)
    assert found.reported == {0, 1, 2}


def test_trial_that_has_trained_to_the_end_is_not_stopped(folder: Path) -> None:
    found = callback(folder, 2)
    assert found is not None
    found.on_validation_end(trainer(3, loss=9.0), LightningModule())
    assert found.reported == {3}


def test_resumed_trial_reports_no_epoch_twice(folder: Path) -> None:
    module = LightningModule()
    first = callback(folder, 2)
    assert first is not None
    first.on_validation_end(trainer(0, loss=0.5), module)
    first.on_validation_end(trainer(0, loss=7.0), module)
    again = callback(folder, 2)
    assert again is not None
    again.on_validation_end(trainer(0, loss=7.0), module)
    (*_, trial) = again.trial.study.trials
    assert trial.intermediate_values == {0: 0.5}


def test_what_is_no_number_is_not_reported(folder: Path) -> None:
    found, module = callback(folder, 2), LightningModule()
    assert found is not None
    found.on_validation_end(trainer(0, other=0.5), module)
    found.on_validation_end(trainer(1, loss=float("nan")), module)
    checking = trainer(0, loss=2.0)
    checking.sanity_checking = True
    found.on_validation_end(checking, module)
    assert found.reported == set()


def test_search_without_a_pruner_adds_nothing_to_a_training(tmp_path: Path) -> None:
    assert callback(tmp_path, 0, pruner=None) is None
