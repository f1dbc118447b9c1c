"""Trains what a config describes, and leaves a run folder."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gwbricks.config.saved import plain_config, saved_config
from gwbricks.errors import ConfigError, PrunedError
from gwbricks.experiment.build import Experiment
from gwbricks.experiment.graph_picture import keep_drawing
from gwbricks.experiment.threads import choose_threads
from gwbricks.experiment.trainer import build_trainer
from gwbricks.print_line import print_line
from gwbricks.quiet_libraries import quiet_libraries
from gwbricks.runs.check import check
from gwbricks.runs.fit import fit_and_test
from gwbricks.runs.folder.place import Place
from gwbricks.runs.folder.results import Results, save_results
from gwbricks.runs.folder.results_table import show_results
from gwbricks.runs.folder.run_folder import RunFolder
from gwbricks.runs.loggers.run_loggers import RunLoggers
from gwbricks.runs.processes.process_group import Processes, TellRunFolder
from gwbricks.runs.processes.worker_spec import WorkerSpec
from gwbricks.runs.ready import make_ready
from gwbricks.training.batch_losses import compute_objective, Objective
from gwbricks.training.callbacks.keep_on_signal import KeepOnSignal
from gwbricks.training.callbacks.signals import interruptible, terminable, Termination

LAST = "checkpoints/last.ckpt"
"""Where in the run folder the checkpoint is that a run goes on from."""


def train(
    cfg: DictConfig,
    place: Place,
    trusted: Collection[str] = (),
    ckpt_path: str | None = None,
    callbacks: Sequence[Callback] = (),
    compute: Callable[..., Objective] = compute_objective,
) -> Results:
    """Checks, builds, pretrains, trains, and tests; leaves a run folder.

    Args:
        cfg: A composed config.
        place: Where the run goes.
        trusted: See `resolve_target`.
        ckpt_path: Checkpoint to go on from.
        callbacks: Further ones than those of the config.
        compute: Computes the objective of a batch; see `LightningBrickCollection`.

    Returns:
        Final numbers by name: of the training, and of validation and test with the best
        weights.

    Raises:
        ConfigError: If the config has mistakes; nothing is then written.
        CheckpointError: If a checkpoint does not fit.
        DivergedError: If a loss is not finite.
        PrunedError: If a callback stops what is not worth going on.
    """
    spec = WorkerSpec({}, tuple(trusted), ckpt_path, place.again)
    with quiet_libraries():
        experiment = check(cfg, trusted)
        processes = Processes.of(experiment.config["trainer"])
        console = Console(quiet=not processes.is_first)
        tell = partial(print_line, console)
        train_source = partial(train, trusted=trusted)
        weights = make_ready(experiment, cfg, spec, processes, train_source, tell)
        if not processes.is_first:
            return _help(experiment, spec, processes)
        threads = _settle_threads(experiment, tell)
        folder = _open_folder(experiment.config, place)
        OmegaConf.update(cfg, "paths.run", str(folder.path))
        config, saved = plain_config(cfg), saved_config(cfg)
        experiment = experiment.in_folder(folder.path, config, saved, compute)
        folder.start(saved, place.overrides)
        spec = replace(spec, config={**config, "threads": threads})
        if config.get("compile"):
            tell("compile: the second step waits for the compiler, up to a minute")
        loggers = RunLoggers()
        with (
            _recorded(folder, experiment, place.again, loggers) as termination,
            processes.together(spec, folder.path),
            interruptible(),
        ):
            loggers.start(config, saved, place, trusted)
            loggers.log_sources(weights)
            trainer = build_trainer(config, trusted, loggers.started)
            keeper = KeepOnSignal(folder.path / LAST, termination)
            further = [*callbacks, TellRunFolder(folder.path), keeper]
            keep_drawing(experiment, folder.path, trainer.loggers, tell)
            try:
                results = fit_and_test(trainer, experiment, ckpt_path, further)
            finally:
                loggers.log_best(trainer.checkpoint_callback)
            save_results(results, folder.path / "metrics.json")
            loggers.log_results(results, folder.path, experiment.module.global_step)
    show_results(results, console)
    tell(f"run folder: {folder.path}")
    return results


def _settle_threads(experiment: Experiment, tell: Callable[[str], None]) -> int | None:
    """Returns the number of threads of each process, chosen here if it is `auto`."""
    if experiment.config.get("threads") != "auto":
        return experiment.config.get("threads")
    number = choose_threads(experiment.module, experiment.data)
    tell(f"threads: {number}")
    return number


def help_train(spec: WorkerSpec, ready: Callable[[], object]) -> None:
    """Trains as one of several processes, and leaves all that is written to the first.

    Args:
        spec: What the first process trains.
        ready: Is called before this process meets the others.

    Raises:
        ConfigError: See `train`.
        CheckpointError: See `train`.
        DivergedError: See `train`.
    """
    cfg = OmegaConf.create(dict(spec.config))
    with quiet_libraries():
        experiment = check(cfg, spec.trusted, is_saved=True)
        processes = Processes.of(experiment.config["trainer"])
        train_source = partial(train, trusted=spec.trusted)
        make_ready(experiment, cfg, spec, processes, train_source)
        ready()
        _help(experiment, spec, processes)


def _help(experiment: Experiment, spec: WorkerSpec, processes: Processes) -> Results:
    config = {**experiment.config, "logger": None}
    folder, meeting = Path(config["paths"]["outputs"]), TellRunFolder()
    with (
        terminable() as termination,
        meeting.reported(processes.number),
        processes.together(replace(spec, config=config), folder),
        interruptible(),
    ):
        trainer = build_trainer(config, spec.trusted)
        keeper = KeepOnSignal(Path(config["paths"]["run"]) / LAST, termination)
        further = [meeting, keeper]
        return fit_and_test(trainer, experiment, spec.ckpt_path, further)


def _open_folder(config: Mapping[str, Any], place: Place) -> RunFolder:
    """Makes the run folder; a run that goes on has one."""
    parent = Path(config["paths"]["outputs"]) / place.parent
    if place.again:
        return RunFolder(parent / place.name)
    return RunFolder.create(parent, place.name)


@contextmanager
def _recorded(
    folder: RunFolder, experiment: Experiment, again: bool, loggers: RunLoggers
) -> Iterator[Termination]:
    """Records how a run ended; one that its config stopped at once leaves nothing."""
    status, message, stopped = "failed", None, False
    try:
        with terminable() as termination:
            yield termination
        status = "finished"
    except KeyboardInterrupt as error:
        status, message = "interrupted", "interrupted"
        error.add_note(f"run folder: {folder.path}")
        if (folder.path / LAST).exists():
            error.add_note(f"Fix: ckpt_path={folder.path / LAST} goes on.")
        raise
    except PrunedError as error:
        status, message = "pruned", str(error)
        raise
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
        # Only now did a mistake of the config show, and there is nothing to keep.
        is_new = not again and not experiment.module.global_step
        stopped = isinstance(error, ConfigError) and is_new
        raise
    finally:
        folder.finish(status, message)
        loggers.finish(0 if status in ("finished", "pruned") else 1)
        if stopped:
            folder.remove()
