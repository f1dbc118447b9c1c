"""What a checkpoint holds, and that it loads without running code."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

Maker = Callable[..., Any]

CONFIG = {"seed": 3, "optimizer": {"lr": 0.1}, "domains": ["t", "v"], "note": None}


@pytest.mark.parametrize(
    "scheduler",
    [
        pytest.param(None, id="constant"),
        pytest.param(partial(OneCycleLR, max_lr=0.1), id="one-cycle"),
        pytest.param(CosineAnnealingLR, id="cosine"),
        pytest.param(partial(StepLR, step_size=2), id="step"),
        pytest.param(ReduceLROnPlateau, id="plateau"),
    ],
)
def test_checkpoint_loads_as_plain_data(
    make_trainer: Maker,
    make_workspace: Maker,
    make_vectors: Maker,
    all_kinds: dict[str, float],
    tmp_path: Path,
    scheduler: Callable[..., Any] | None,
) -> None:
    best = ModelCheckpoint(tmp_path, "best", monitor="val/loss", save_last=True)
    trainer = make_trainer(enable_checkpointing=True, callbacks=[best])
    model = make_workspace(all_kinds, config=CONFIG, scheduler=scheduler)
    trainer.fit(model, datamodule=make_vectors())
    for name in ("best", "last"):
        saved = torch.load(tmp_path / f"{name}.ckpt", weights_only=True)
        assert saved["gwbricks_config"] == CONFIG
        assert saved["state_dict"].keys() == model.state_dict().keys()
        assert len(saved["lr_schedulers"]) == (scheduler is not None)


def test_checkpoint_holds_every_tensor_once(
    make_workspace: Maker, all_kinds: dict[str, float]
) -> None:
    state = make_workspace(all_kinds).state_dict()
    assert len({value.data_ptr() for value in state.values()}) == len(state)


def test_checkpoint_without_a_config_has_no_place_for_one(
    make_trainer: Maker, make_scale: Maker, batches: Maker, tmp_path: Path
) -> None:
    trainer = make_trainer()
    trainer.fit(make_scale(), batches([1]))
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert "gwbricks_config" not in saved


def test_callers_config_is_copied(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    config = {"seed": 0}
    checkpoint: dict[str, Any] = {}
    make_scale(config=config).on_save_checkpoint(checkpoint)
    config["seed"] = 1
    assert checkpoint["gwbricks_config"] == {"seed": 0}


def test_best_checkpoint_is_found_again(
    make_trainer: Maker,
    make_workspace: Maker,
    make_vectors: Maker,
    all_kinds: dict[str, float],
    tmp_path: Path,
) -> None:
    best = ModelCheckpoint(tmp_path, "best", monitor="val/loss")
    trainer = make_trainer(enable_checkpointing=True, callbacks=[best], max_epochs=3)
    model, data = make_workspace(all_kinds), make_vectors()
    trainer.fit(model, datamodule=data)
    (logged,) = trainer.validate(
        model, datamodule=data, ckpt_path="best", verbose=False
    )
    assert best.best_model_score is not None
    assert logged["val/loss"] == pytest.approx(best.best_model_score.item())
