"""Trains and evaluates what a config describes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gwbricks.errors import CheckpointError, ConfigError, ConfigErrors, suggest
from gwbricks.runs.build import (
    build_experiment,
    build_trainer,
    Experiment,
    make_trainer,
)
from gwbricks.runs.dry_run import check_bricks
from gwbricks.runs.folder import RunFolder
from gwbricks.runs.pretrain import make_folder, prepare_domains
from gwbricks.runs.quiet import quiet_libraries
from gwbricks.runs.results import Results, save_results, show_results
from gwbricks.runs.saved_config import plain_config, saved_config
from gwbricks.runs.schema import config_problems
from gwbricks.runs.weights import load_weights, read_checkpoint
from gwbricks.training.module import CONFIG


@dataclass(frozen=True)
class Place:
    """Where a run goes.

    Args:
        parent: Folder of runs, below `paths.outputs`.
        name: Name of the run folder.
        overrides: What the command line said.
    """

    parent: str
    name: str
    overrides: Sequence[str] = ()


def check(cfg: DictConfig, trusted: Collection[str] = ()) -> Experiment:
    """Builds what a config describes, after checking all of it.

    Args:
        cfg: A composed config.
        trusted: See `resolve_target`.

    Raises:
        ConfigError: With all mistakes that can be told together.
    """
    problems = config_problems(cfg, trusted)
    if problems:
        raise ConfigErrors(problems)
    config = plain_config(cfg)
    if config["threads"]:
        torch.set_num_threads(config["threads"])
    experiment = build_experiment(config, trusted, saved_config(cfg))
    problems = check_bricks(experiment.module, experiment.data)
    if problems:
        raise ConfigErrors(problems)
    return experiment


def train(
    cfg: DictConfig,
    place: Place,
    trusted: Collection[str] = (),
    ckpt_path: str | None = None,
) -> Results:
    """Checks, builds, pretrains, trains, and tests; leaves a run folder.

    Args:
        cfg: A composed config.
        place: Where the run goes.
        trusted: See `resolve_target`.
        ckpt_path: Checkpoint to go on from.

    Returns:
        Final numbers by name: of the training, and of validation and test with the best
        weights.

    Raises:
        ConfigError: If the config has mistakes; nothing is then written.
        CheckpointError: If a checkpoint does not fit.
        DivergedError: If a loss is not finite.
    """
    console = Console()
    with quiet_libraries():
        experiment = check(cfg, trusted)
        config = experiment.config
        make_trainer(config["trainer"], "trainer", logger=False)  # raises early
        if ckpt_path is not None:
            _check_resumable(experiment, ckpt_path)
        outputs = Path(config["paths"]["outputs"])
        make_folder(outputs, "paths.outputs")
        prepare_domains(
            config, experiment.domains, experiment.data, trusted, console.print
        )
        folder = RunFolder.create(outputs / place.parent, place.name)
        OmegaConf.update(cfg, "paths.run", str(folder.path))
        config, saved = plain_config(cfg), saved_config(cfg)
        experiment.module.config = saved
        folder.start(saved, place.overrides)
        return _run(experiment, config, saved, folder, trusted, ckpt_path, console)


def _run(
    experiment: Experiment,
    config: Mapping[str, Any],
    saved: Mapping[str, Any],
    folder: RunFolder,
    trusted: Collection[str],
    ckpt_path: str | None,
    console: Console,
) -> Results:
    status, message, exit_code = "failed", None, 1
    try:
        trainer = build_trainer(config, trusted, saved)
        trainer.fit(
            experiment.module,
            datamodule=experiment.data,
            ckpt_path=ckpt_path,
            weights_only=True,
        )
        results = _final_results(trainer, experiment)
        save_results(results, folder.path / "metrics.json")
        status, exit_code = "finished", 0
    except (KeyboardInterrupt, SystemExit):
        status, message = "interrupted", "interrupted"
        raise
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
        raise
    finally:
        folder.finish(status, message)
        _finish_wandb(exit_code)
    show_results(results, console)
    console.print(f"run folder: {folder.path}", soft_wrap=True)
    return results


def _final_results(trainer: Trainer, experiment: Experiment) -> Results:
    """Validates and tests the best weights; without checkpoints, the last ones."""
    module, data = experiment.module, experiment.data
    results: Results = {
        name: value.item()
        for name, value in trainer.callback_metrics.items()
        if name.startswith("train/")
    }
    best = trainer.checkpoint_callback
    path = best.best_model_path if isinstance(best, ModelCheckpoint) else ""
    if path:
        weights = read_checkpoint(Path(path), "checkpoint")["state_dict"]
        load_weights(module, weights, "checkpoint")
    quiet = make_trainer(
        {
            k: v
            for k, v in experiment.config["trainer"].items()
            if k not in ("max_epochs",)
        },
        "trainer",
        logger=False,
        enable_progress_bar=False,
    )
    quiet.validate(module, datamodule=data, verbose=False)
    results |= {
        n: v.item() for n, v in quiet.callback_metrics.items() if n.startswith("val/")
    }
    trainer.test(module, datamodule=data, verbose=False)
    results |= {
        n: v.item()
        for n, v in trainer.callback_metrics.items()
        if n.startswith("test/")
    }
    return results | module.summaries


def _finish_wandb(exit_code: int) -> None:
    import sys

    if "wandb" in sys.modules:
        import wandb

        if wandb.run is not None:
            wandb.finish(exit_code=exit_code)


def _check_resumable(experiment: Experiment, ckpt_path: str) -> None:
    checkpoint = read_checkpoint(Path(ckpt_path), "ckpt_path")
    if "state_dict" not in checkpoint or "loops" not in checkpoint:
        raise CheckpointError(
            f"ckpt_path: {ckpt_path!r} has weights but no state of a training."
            " Fix: a checkpoint of a run, such as RUN/checkpoints/last.ckpt."
        )
    load_weights(experiment.module, checkpoint["state_dict"], "ckpt_path")


def optimized_metric(results: Mapping[str, Any], cfg: DictConfig) -> float:
    """Returns the number that a sweep optimises, named by `sweep.metric`.

    Raises:
        ConfigError: If the run has no such number.
    """
    name = cfg.sweep.metric
    if name not in results:
        raise ConfigError(
            f"sweep.metric: the run has no {name!r}.{suggest(name, results)}"
        )
    return float(results[name])


def find_checkpoint(target: Path) -> Path:
    """Returns the checkpoint of a run folder: the best, else the last; or the file itself.

    Raises:
        CheckpointError: If there is none.
    """
    if target.is_file():
        return target
    for name in ("best.ckpt", "last.ckpt"):
        if (target / "checkpoints" / name).is_file():
            return target / "checkpoints" / name
    raise CheckpointError(
        f"{target}: no run folder with checkpoints and no checkpoint."
        " Fix: the folder that `gwbricks train` printed, or a .ckpt file."
    )


def load_run(
    target: Path, overrides: Sequence[str] = ()
) -> tuple[DictConfig, dict[str, Any]]:
    """Returns the config and the checkpoint of a run.

    Args:
        target: A run folder, or a lone checkpoint.
        overrides: Changes, such as `data.batch_size=64`.

    Raises:
        CheckpointError: If there is no checkpoint, or it holds no config.
        ConfigError: If an override names no key.
    """
    path = find_checkpoint(target)
    checkpoint = read_checkpoint(path, str(target))
    if CONFIG not in checkpoint:
        raise CheckpointError(
            f"{path}: it holds no config, so it is not from gwbricks train."
        )
    cfg = OmegaConf.create(checkpoint[CONFIG])
    OmegaConf.set_struct(cfg, True)
    for override in overrides:
        key, equals, value = override.partition("=")
        key = key.lstrip("+")
        if not equals:
            raise ConfigError(f"{override}: no override. Expected key=value.")
        parent, _, name = key.rpartition(".")
        node = OmegaConf.select(cfg, parent) if parent else cfg
        if not override.startswith("+") and (
            not isinstance(node, DictConfig) or name not in node
        ):
            known = list(map(str, node)) if isinstance(node, DictConfig) else []
            raise ConfigError(
                f"{key}: the run's config has no such key.{suggest(name, known)}"
            )
        parsed = OmegaConf.from_dotlist([f"value={value}"]).value
        OmegaConf.update(cfg, key, parsed, force_add=True)
    return cfg, checkpoint


def evaluate(
    target: Path, overrides: Sequence[str] = (), trusted: Collection[str] = ()
) -> Results:
    """Tests a run again, and prints the numbers.

    Args:
        target: A run folder, or a lone checkpoint.
        overrides: Changes, such as `data.batch_size=64`.
        trusted: See `resolve_target`.

    Raises:
        CheckpointError: If there is no checkpoint, or it does not fit.
        ConfigError: If an override is wrong.
    """
    cfg, checkpoint = load_run(target, overrides)
    cfg = OmegaConf.create({**cfg, "callbacks": None, "logger": None})
    with quiet_libraries():
        problems = config_problems(cfg, trusted, is_saved=True)
        if problems:
            raise ConfigErrors(problems)
        config = plain_config(cfg)
        if config["threads"]:
            torch.set_num_threads(config["threads"])
        experiment = build_experiment(config, trusted)
        load_weights(experiment.module, checkpoint["state_dict"], str(target))
        trainer = make_trainer(config["trainer"], "trainer", logger=False)
        trainer.test(experiment.module, datamodule=experiment.data, verbose=False)
    results = {n: v.item() for n, v in trainer.callback_metrics.items()}
    results |= experiment.module.summaries
    show_results(results, Console())
    return results
