from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import DictConfig

from gwbricks.config.saved import plain_config
from gwbricks.experiment.build import build_experiment, Experiment
from gwbricks.experiment.trainer import build_trainer
from gwbricks.quiet_libraries import quiet_libraries
from gwbricks.runs.fit import fit_and_test

TINY = (
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
    *("data.num_train=8", "data.num_val=8", "data.num_test=8", "data.matched=8"),
    *("data.batch_size=4", "loss_coefs.contrastives=null", "scheduler=null"),
    "paths.run=here",
)


class Spoil(Callback):
    """Sets all weights to zero once the training and its checkpoints are done."""

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for weights in pl_module.parameters():
            weights.data.zero_()


Fit = Callable[..., tuple[Experiment, dict[str, Any]]]


@pytest.fixture
def fit(config: Callable[..., DictConfig]) -> Fit:
    """Trains a tiny workspace."""

    def fit(
        *overrides: str, callbacks: Sequence[Callback] = ()
    ) -> tuple[Experiment, dict[str, Any]]:
        plain = plain_config(config(*TINY, *overrides))
        experiment = build_experiment(plain)
        with quiet_libraries():
            trainer = build_trainer(plain)
            return experiment, fit_and_test(trainer, experiment, None, callbacks)

    return fit


def test_best_weights_are_tested_and_kept(fit: Fit) -> None:
    experiment, results = fit(callbacks=[Spoil()])
    best = torch.load("here/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    weights = experiment.module.state_dict()
    assert any(value.any() for value in best.values())
    assert all(torch.equal(weights[name], best[name]) for name in best | weights)
    assert {name.partition("/")[0] for name in results} == {"train", "val", "test"}


def test_last_weights_are_tested_where_no_best_ones_were_kept(fit: Fit) -> None:
    none = ("callbacks.checkpoint=null", "callbacks.last=null")
    experiment, results = fit(*none, callbacks=[Spoil()])
    assert not any(weights.any() for weights in experiment.module.parameters())
    assert results["train/loss"] > results["test/loss"] == 0.0
    assert not Path("here").exists()
