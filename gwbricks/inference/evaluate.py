"""Tests a run again, from its folder or from a lone checkpoint."""

from collections.abc import Collection, Sequence
from pathlib import Path

from rich.console import Console

from gwbricks.experiment.build import build_experiment, Experiment
from gwbricks.experiment.devices import on_one_device
from gwbricks.experiment.threads import set_threads
from gwbricks.experiment.trainer import make_trainer
from gwbricks.inference.saved_run import read_run
from gwbricks.quiet_libraries import quiet_libraries
from gwbricks.runs.folder.results import Results
from gwbricks.runs.folder.results_table import show_results
from gwbricks.training.checkpoints import load_weights


def rebuild(
    target: Path, overrides: Sequence[str] = (), trusted: Collection[str] = ()
) -> Experiment:
    """Builds a run's experiment again, with the weights of its checkpoint.

    Args:
        target: See `read_run`.
        overrides: See `read_run`.
        trusted: See `read_run`.

    Raises:
        CheckpointError: If there is no checkpoint, or it does not fit.
        ConfigError: If an override is wrong.
    """
    config, weights = read_run(target, overrides, trusted)
    set_threads(config)
    experiment = build_experiment(config, trusted)
    load_weights(experiment.module, weights, str(target))
    return experiment


def evaluate(
    target: Path, overrides: Sequence[str] = (), trusted: Collection[str] = ()
) -> Results:
    """Tests a run again, and prints the numbers.

    Args:
        target: See `rebuild`.
        overrides: See `rebuild`.
        trusted: See `rebuild`.

    Raises:
        CheckpointError: If there is no checkpoint, or it does not fit.
        ConfigError: If an override is wrong.
    """
    with quiet_libraries():
        experiment = rebuild(target, overrides, trusted)
        arguments = on_one_device(experiment.config["trainer"])
        trainer = make_trainer(arguments, "trainer", logger=False)
        trainer.test(experiment.module, datamodule=experiment.data, verbose=False)
    results = {n: v.item() for n, v in trainer.callback_metrics.items()}
    results |= experiment.module.summaries
    show_results(results, Console())
    return results
