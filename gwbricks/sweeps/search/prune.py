"""Stops a trial whose metric is worse than that of others after as many epochs."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import math
from pathlib import Path
from typing import Any

import optuna
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import DictConfig, OmegaConf
from optuna import Trial

from gwbricks.errors import PrunedError
from gwbricks.sweeps.search.samplers import make_pruner
from gwbricks.sweeps.search.study import NAME, study_storage


class PruneTrial(Callback):
    """Reports a metric after each validation, and stops a trial that is not worth it.

    Args:
        trial: The trial.
        metric: Name of the metric.
    """

    def __init__(self, trial: Trial, metric: str) -> None:
        self.trial, self.metric = trial, metric
        known = trial.study.get_trials(deepcopy=False)[trial.number]
        # a trial that goes on repeats epochs, of which Optuna would warn
        self.reported = {*known.intermediate_values}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reports once an epoch, and stops the trial unless it is over anyway.

        Raises:
            PrunedError: If the trial is to stop.
        """
        del pl_module
        value = float(trainer.callback_metrics.get(self.metric, math.nan))
        epoch = trainer.current_epoch
        if trainer.sanity_checking or math.isnan(value) or epoch in self.reported:
            return
        self.reported.add(epoch)
        self.trial.report(value, epoch)
        is_last = epoch + 1 == trainer.max_epochs
        if not is_last and self.trial.should_prune():
            epochs = f"{epoch + 1} epoch{'s' if epoch else ''}"
            raise PrunedError(f"{self.metric} {value:.4g} after {epochs}")


def pruning_callbacks(sweeper: DictConfig, folder: Path, metric: str) -> list[Callback]:
    """Returns the callback that stops the trial of this process, if there is a pruner.

    Args:
        sweeper: The section `hydra.sweeper` of the job.
        folder: The sweep's folder.
        metric: Name of the metric.
    """
    if sweeper.pruner is None:
        return []
    node: Any = OmegaConf.to_container(OmegaConf.create({"pruner": sweeper.pruner}))
    study = optuna.load_study(
        study_name=NAME,
        storage=study_storage(sweeper.storage, folder),
        sampler=optuna.samplers.RandomSampler(),  # the values are chosen already
        pruner=make_pruner(node["pruner"]),
    )
    trial = study.get_trials(deepcopy=False)[sweeper.trial]
    return [PruneTrial(Trial(study, trial._trial_id), metric)]
