"""The same seed gives the same run: twice, resumed, and whatever is validated."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor
from torch.optim import SGD

from gwbricks.bricks import BrickCollection, BrickLoss
from gwbricks.data import DigitsData
from gwbricks.training import LightningBrickCollection
from gwbricks.workspace import SingleDomainSelection

Maker = Callable[..., Any]
Case = Callable[..., tuple[LightningModule, LightningDataModule]]


@pytest.fixture(params=["classifier", "workspace"])
def case(
    request: pytest.FixtureRequest,
    make_classifier: Maker,
    make_workspace: Maker,
    make_vectors: Maker,
    all_kinds: dict[str, float],
) -> Case:
    """Makes a model that draws random numbers, and its data."""

    def make(**settings: Any) -> tuple[LightningModule, LightningDataModule]:
        if request.param == "classifier":
            return make_classifier(**settings), DigitsData(["mor"], batch_size=350)
        selection = SingleDomainSelection()  # draws in evaluation too
        model = make_workspace(all_kinds, selection=selection, **settings)
        return model, make_vectors()

    return make


def weights(module: LightningModule) -> dict[str, Tensor]:
    """Returns a copy of all trainable parameters."""
    return {
        name: parameter.detach().clone()
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) for name, value in first.items()
    )


def train(
    case: Case, make_trainer: Maker, seed: int = 0, **settings: Any
) -> dict[str, Tensor]:
    """Returns the trained weights; the global random state differs every time."""
    model, data = case(seed=seed)
    torch.seed()
    make_trainer(**{"max_epochs": 2, **settings}).fit(model, datamodule=data)
    return weights(model)


def test_same_seed_gives_the_same_weights(case: Case, make_trainer: Maker) -> None:
    assert same(train(case, make_trainer), train(case, make_trainer))


def test_another_seed_gives_other_weights(case: Case, make_trainer: Maker) -> None:
    assert not same(train(case, make_trainer), train(case, make_trainer, seed=1))


def test_without_a_seed_the_random_state_decides(
    make_trainer: Maker, make_classifier: Maker
) -> None:
    results = []
    for state in (0, 0, 1):
        model = make_classifier(seed=None)
        torch.manual_seed(state)
        data = DigitsData(["mor"], batch_size=350).train_dataloader()
        make_trainer().fit(model, data)
        results.append(weights(model))
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"val_check_interval": 0.5}, id="in-the-middle-of-an-epoch"),
        pytest.param({"check_val_every_n_epoch": 2}, id="every-second-epoch"),
        pytest.param({"num_sanity_val_steps": 2}, id="sanity-check"),
    ],
)
def test_validation_does_not_change_training(
    case: Case, make_trainer: Maker, settings: dict[str, Any]
) -> None:
    never = train(case, make_trainer, limit_val_batches=0)
    assert same(train(case, make_trainer, **settings), never)


def test_resumed_run_matches_one_that_was_not_interrupted(
    case: Case, make_trainer: Maker, tmp_path: Path
) -> None:
    whole = train(case, make_trainer, max_epochs=4)

    def saving(max_epochs: int) -> dict[str, Any]:
        save = ModelCheckpoint(tmp_path, save_last=True)
        settings = {"callbacks": [save], "enable_checkpointing": True}
        return {"max_epochs": max_epochs, **settings}

    half = train(case, make_trainer, **saving(max_epochs=2))
    model, data = case(init_seed=99)
    torch.seed()
    trainer = make_trainer(**saving(max_epochs=4))
    trainer.fit(model, datamodule=data, ckpt_path=tmp_path / "last.ckpt")
    assert same(weights(model), whole)
    assert not same(half, whole)


def test_test_numbers_repeat(case: Case, make_trainer: Maker) -> None:
    model, data = case()
    results = []
    for state in (1, 2):
        torch.manual_seed(state)
        results += make_trainer().test(model, datamodule=data, verbose=False)
    assert results[0] == results[1]


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_evaluation_restores_every_random_state(
    make_trainer: Maker, stage: str
) -> None:
    def draw(x: Tensor) -> Tensor:
        return x.mean() + torch.rand(()) + np.random.rand()

    bricks = {"draw": BrickLoss(draw, ["mor"], ["drawn"])}
    optimizer = partial(SGD, lr=0.1)
    model = LightningBrickCollection(BrickCollection(bricks), optimizer, seed=0)
    torch.manual_seed(5)
    np.random.seed(5)
    evaluate = getattr(make_trainer(), stage)
    evaluate(model, datamodule=DigitsData(["mor"], 100), verbose=False)
    drawn = torch.rand(()).item(), np.random.rand()
    torch.manual_seed(5)
    np.random.seed(5)
    assert drawn == (torch.rand(()).item(), np.random.rand())
