"""Checks and trains what a config describes."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gwbricks.errors import ConfigError, ConfigErrors, PrunedError
from gwbricks.runs.build import build_experiment, Experiment
from gwbricks.runs.draw import keep_drawing
from gwbricks.runs.dry_run import check_bricks
from gwbricks.runs.experiments import check_experiments, keep_experiments
from gwbricks.runs.folder import make_folder, Place, RunFolder
from gwbricks.runs.keep_on_signal import KeepOnSignal
from gwbricks.runs.loggers import logger_problems, RunLoggers
from gwbricks.runs.monitored import monitor_problems
from gwbricks.runs.pretrain import check_domains, pretrain_domains
from gwbricks.runs.quiet import quiet_libraries
from gwbricks.runs.results import is_of, Results, save_results, show_results
from gwbricks.runs.resume import check_resumable
from gwbricks.runs.saved_config import plain_config, saved_config
from gwbricks.runs.schema import config_problems
from gwbricks.runs.signals import terminable, Termination
from gwbricks.runs.sources import find_sources, load_sources, path_of
from gwbricks.runs.threads import choose_threads, set_threads
from gwbricks.runs.trainer import (
    build_trainer,
    check_training,
    interruptible,
    make_trainer,
)
from gwbricks.runs.untrained import untrained_notes
from gwbricks.runs.weights import load_weights, read_weights


@quiet_libraries()
def check(
    cfg: DictConfig,
    trusted: Collection[str] = (),
    needed_by: Sequence[Sequence[str]] = (),
) -> Experiment:
    """Builds what a config describes, after checking all of it.

    Experiments that its bricks start from are checked too; their weights are those of
    before their training.

    Args:
        cfg: A composed config.
        trusted: See `resolve_target`.
        needed_by: Overrides of the experiments that start from this one.

    Raises:
        ConfigError: With all mistakes that can be told together.
    """
    problems = config_problems(cfg, trusted)
    if problems:
        raise ConfigErrors(problems)
    config = plain_config(cfg)
    problems = logger_problems(config, trusted)
    if problems:
        raise ConfigErrors(problems)
    set_threads(config)
    experiment = build_experiment(config, trusted, saved_config(cfg))
    problems = check_bricks(experiment.module, experiment.data)
    if problems:
        raise ConfigErrors(problems)
    module = experiment.module
    check_training(module, build_trainer(config, trusted))
    problems = monitor_problems(config, module, experiment.data)
    if problems:
        raise ConfigErrors(problems)
    checked = partial(check, trusted=trusted)
    experiment.sources = check_experiments(cfg, config, checked, needed_by)
    untrained = {k: e.module.state_dict() for k, e in experiment.sources.items()}
    experiment.loaded = load_sources(
        config.get("bricks") or {}, module.brick_collection, untrained
    )
    _check_loaded_once(experiment)
    check_domains(config, experiment.own_domains, experiment.data, trusted)
    return experiment


def _check_loaded_once(experiment: Experiment) -> None:
    for name in experiment.domains.keys() - experiment.own_domains.keys():
        if experiment.config["domains"][name].get("checkpoint") is not None:
            raise ConfigError(
                f"domains.{name}.checkpoint: a brick's `from` gives these weights too."
                " Fix: leave one of the two out."
            )


def train(
    cfg: DictConfig,
    place: Place,
    trusted: Collection[str] = (),
    ckpt_path: str | None = None,
    callbacks: Sequence[Callback] = (),
) -> Results:
    """Checks, builds, pretrains, trains, and tests; leaves a run folder.

    Args:
        cfg: A composed config.
        place: Where the run goes.
        trusted: See `resolve_target`.
        ckpt_path: Checkpoint to go on from.
        callbacks: Further ones than those of the config.

    Returns:
        Final numbers by name: of the training, and of validation and test with the best
        weights.

    Raises:
        ConfigError: If the config has mistakes; nothing is then written.
        CheckpointError: If a checkpoint does not fit.
        DivergedError: If a loss is not finite.
        PrunedError: If a callback stops what is not worth going on.
    """
    console = Console()
    tell = partial(console.print, soft_wrap=True, markup=False, highlight=False)
    with quiet_libraries():
        experiment = check(cfg, trusted)
        if ckpt_path is not None:
            epochs = check_resumable(experiment, ckpt_path, place.again)
            tell(f"going on from {ckpt_path}, with {epochs} whole epochs behind it")
        _make_ready(experiment, cfg, trusted, tell)
        if experiment.config.get("threads") == "auto":
            number = choose_threads(experiment.module, experiment.data)
            tell(f"threads: {number}")
        folder = _open_folder(experiment, cfg, place)
        if experiment.config.get("compile"):
            tell("compile: the second step waits for the compiler, up to a minute")
        loggers = RunLoggers()
        with _recorded(folder, experiment, place.again, loggers) as termination:
            config = experiment.config
            loggers.start(config, saved_config(cfg), place, trusted)
            loggers.log_sources(experiment.weights)
            trainer = build_trainer(config, trusted, loggers.started)
            keeper = KeepOnSignal(folder.path / "checkpoints/last.ckpt", termination)
            trainer.callbacks += [*callbacks, keeper]  # pyright: ignore[reportAttributeAccessIssue] - Lightning's type hides the list
            keep_drawing(experiment, folder.path, trainer.loggers, tell)
            try:
                trainer.fit(
                    experiment.module,
                    datamodule=experiment.data,
                    ckpt_path=ckpt_path,
                    weights_only=True,
                )
            finally:
                loggers.log_best(trainer.checkpoint_callback)
            results = _final_results(trainer, experiment)
            save_results(results, folder.path / "metrics.json")
            loggers.log_results(results, folder.path, experiment.module.global_step)
    show_results(results, console)
    tell(f"run folder: {folder.path}")
    return results


def _make_ready(
    experiment: Experiment,
    cfg: DictConfig,
    trusted: Collection[str],
    tell: Callable[[str], None],
) -> None:
    """Loads or trains all weights that the training starts from."""
    config = experiment.config
    make_folder(Path(config["paths"]["outputs"]), "paths.outputs")
    for note in untrained_notes(experiment.module):
        tell(note)
    bricks = config.get("bricks") or {}
    for key, source in find_sources(bricks).items():
        if isinstance(source, str):
            tell(f"{key}: weights of {source}")
            experiment.weights[key] = path_of(source)
    kept = keep_experiments(experiment, cfg, partial(train, trusted=trusted), tell)
    load_sources(bricks, experiment.module.brick_collection, kept)
    experiment.weights |= pretrain_domains(
        config, experiment.own_domains, experiment.data, trusted, tell
    )


def _open_folder(experiment: Experiment, cfg: DictConfig, place: Place) -> RunFolder:
    """Starts the run folder, and tells config and experiment of it."""
    parent = Path(experiment.config["paths"]["outputs"]) / place.parent
    folder = (
        RunFolder(parent / place.name)
        if place.again
        else RunFolder.create(parent, place.name)
    )
    OmegaConf.update(cfg, "paths.run", str(folder.path))
    experiment.config, saved = plain_config(cfg), saved_config(cfg)
    experiment.module.config, experiment.module.folder = saved, folder.path
    folder.start(saved, place.overrides)
    return folder


@contextmanager
def _recorded(
    folder: RunFolder, experiment: Experiment, again: bool, loggers: RunLoggers
) -> Iterator[Termination]:
    """Records how a run ended; one that its config stopped at once leaves nothing."""
    status, message, stopped = "failed", None, False
    try:
        with terminable() as termination, interruptible():
            yield termination
        status = "finished"
    except KeyboardInterrupt:
        status, message = "interrupted", "interrupted"
        raise
    except PrunedError as error:
        status, message = "pruned", str(error)
        raise
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
        is_new = not again and not experiment.module.global_step
        stopped = isinstance(error, ConfigError) and is_new
        raise
    finally:
        folder.finish(status, message)
        loggers.finish(0 if status in ("finished", "pruned") else 1)
        if stopped:
            folder.remove()


def _final_results(trainer: Trainer, experiment: Experiment) -> Results:
    """Validates and tests the best weights; without checkpoints, the last ones."""
    module, data = experiment.module, experiment.data
    results = _numbers(trainer, "train")
    best = trainer.checkpoint_callback
    path = best.best_model_path if isinstance(best, ModelCheckpoint) else ""
    if path:
        load_weights(module, read_weights(Path(path), "checkpoint"), "checkpoint")
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
