"""Trains, validates and tests."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch import Callback, LightningDataModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from gwbricks.experiment.build import Experiment
from gwbricks.experiment.kept_latents import with_latents
from gwbricks.experiment.trainer import make_trainer
from gwbricks.runs.folder.results import is_of, Results
from gwbricks.training.checkpoints import load_weights, read_weights


def fit_and_test(
    trainer: Trainer,
    experiment: Experiment,
    ckpt_path: str | None,
    callbacks: Sequence[Callback],
) -> Results:
    """Trains, then validates and tests the best weights; without any, the last ones.

    Args:
        trainer: What trains.
        experiment: What is trained.
        ckpt_path: Checkpoint to go on from.
        callbacks: Further ones than the trainer's.

    Returns:
        Final numbers by name: of the training, and of validation and test.
    """
    trainer.callbacks += callbacks  # pyright: ignore[reportAttributeAccessIssue] - Lightning's type hides the list
    data = with_latents(experiment)
    trainer.fit(
        experiment.module, datamodule=data, ckpt_path=ckpt_path, weights_only=True
    )
    return _final_results(trainer, experiment, data)


def _final_results(
    trainer: Trainer, experiment: Experiment, data: LightningDataModule
) -> Results:
    module = experiment.module
    results = _numbers(trainer, "train")
    best = trainer.checkpoint_callback
    path = best.best_model_path if isinstance(best, ModelCheckpoint) else ""
    if path:
        load_weights(module, read_weights(Path(path), "checkpoint"), "checkpoint")
    # Without loggers: they have the numbers of every epoch under the same names.
    silent = {"logger": False, "enable_progress_bar": False}
    quiet = make_trainer(experiment.config["trainer"], "trainer", **silent)
    quiet.validate(module, datamodule=data, verbose=False)
    results |= _numbers(quiet, "val")
    trainer.test(module, datamodule=data, verbose=False)
    return results | _numbers(trainer, "test") | module.summaries


def _numbers(trainer: Trainer, stage: str) -> Results:
    return {
        name: value.item()
        for name, value in trainer.callback_metrics.items()
        if is_of(stage, name.partition("/")[0])
    }
