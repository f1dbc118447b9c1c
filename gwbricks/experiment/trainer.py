"""From a resolved config to Lightning's trainer, its callbacks and loggers."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy

from gwbricks.config.instantiate import instantiate
from gwbricks.errors import ConfigError
from gwbricks.experiment.devices import make_strategy
from gwbricks.training import LightningBrickCollection
from gwbricks.training.schedule import make_schedule
from gwbricks.training.whole_checkpoints import WholeCheckpoints

SOME_STEPS = 1_000
"""Stands for the length of a run that has not been started."""


def build_trainer(
    config: Mapping[str, Any],
    trusted: Collection[str] = (),
    loggers: Sequence[Logger] = (),
) -> Trainer:
    """Builds the trainer with its callbacks.

    Args:
        config: A resolved config whose `paths.run` is the run folder.
        trusted: See `resolve_target`.
        loggers: Those of the run.

    Raises:
        ConfigError: If Lightning rejects an argument.
    """
    seed = config["seed"]
    callbacks: list[Callback] = [
        instantiate(node, f"callbacks.{name}", seed, trusted)
        for name, node in sorted((config.get("callbacks") or {}).items())
        if node is not None
    ]
    if not loggers:
        callbacks = [c for c in callbacks if type(c).__name__ != "LearningRateMonitor"]
    return make_trainer(
        config["trainer"], "trainer", callbacks=callbacks, logger=list(loggers) or False
    )


def make_trainer(arguments: Mapping[str, Any], key: str, **extra: Any) -> Trainer:
    """Builds a Lightning Trainer.

    Args:
        arguments: Lightning's arguments.
        key: Config key that they stand at.
        extra: Further arguments.

    Raises:
        ConfigError: If Lightning rejects them.
    """
    defaults = {"enable_model_summary": False}
    callbacks = extra.get("callbacks", [])
    if not any(type(c).__name__ == "ModelCheckpoint" for c in callbacks):
        defaults["enable_checkpointing"] = False
    settings = {**defaults, **arguments, **extra}
    name, accelerator = (settings.get(k, "auto") for k in ("strategy", "accelerator"))
    if name != "auto":
        settings["strategy"] = make_strategy(str(name), str(accelerator), key)
    try:
        trainer = Trainer(**settings)
        if name == "auto" and isinstance(trainer.strategy, DDPStrategy):
            settings["strategy"] = make_strategy("ddp", str(accelerator), key)
            trainer = Trainer(**settings)
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:  # Lightning's own
            trainer.strategy.checkpoint_io = WholeCheckpoints()
        return trainer
    except Exception as error:
        given = arguments.get("accelerator")
        message = str(error).strip().splitlines()[0]
        is_other = "accelerator" not in message and "upported" not in message
        if given is not None and not is_other and "SLURM" not in message:
            raise ConfigError(
                f"{key}.accelerator: {given!r} is not there. Expected one of this"
                f" machine's: {', '.join(_accelerators())}. Fix: {key}.accelerator=cpu."
            ) from error
        raise ConfigError(f"{key}: {message}") from error


def _accelerators() -> list[str]:
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("gpu")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def check_training(
    module: LightningBrickCollection, trainer: Trainer, key: str = ""
) -> None:
    """Makes optimizer and schedule once, to tell what they reject before anything runs.

    Args:
        module: What is trained.
        trainer: What trains it.
        key: Config key that `optimizer` and `scheduler` stand below, with a dot.

    Raises:
        ConfigError: If nothing is trainable, or one of them rejects its arguments.
    """
    try:
        optimizer = module.make_optimizer()
    except ConfigError as error:
        raise ConfigError(f"{key}{error}") from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{key}optimizer: {error}") from error
    if module.scheduler is not None:
        has_end = trainer.max_epochs != -1 or trainer.max_steps != -1
        steps = SOME_STEPS if has_end else math.inf
        make_schedule(optimizer, module.scheduler, lambda: steps, key)
