"""From a resolved config to Lightning's trainer, its callbacks and loggers."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.optim import Optimizer

from gwbricks.errors import ConfigError
from gwbricks.runs.instantiate import instantiate


def build_trainer(
    config: Mapping[str, Any],
    trusted: Collection[str] = (),
    saved: Mapping[str, Any] | None = None,
) -> Trainer:
    """Builds the trainer with its callbacks and loggers.

    Args:
        config: A resolved config whose `paths.run` is the run folder.
        trusted: See `resolve_target`.
        saved: The config that W&B is given.

    Raises:
        ConfigError: If Lightning rejects an argument.
    """
    seed = config["seed"]
    callbacks: list[Callback] = [
        instantiate(node, f"callbacks.{name}", seed, trusted)
        for name, node in sorted((config.get("callbacks") or {}).items())
        if node is not None
    ]
    loggers: list[Logger] = [
        _build_logger(name, node, config, saved or config, trusted)
        for name, node in sorted((config.get("logger") or {}).items())
        if node is not None
    ]
    if not loggers:
        callbacks = [c for c in callbacks if type(c).__name__ != "LearningRateMonitor"]
    return make_trainer(
        config["trainer"], "trainer", callbacks=callbacks, logger=loggers or False
    )


def _build_logger(
    name: str,
    node: Mapping[str, Any],
    config: Mapping[str, Any],
    saved: Mapping[str, Any],
    trusted: Collection[str],
) -> Logger:
    extra: dict[str, Any] = {}
    if str(node["_target_"]).endswith("WandbLogger"):
        import wandb

        run = Path(config["paths"]["run"])
        extra = {"config": dict(saved), "settings": wandb.Settings(silent=True)}
        node = {**node, "name": node.get("name") or "_".join(run.parts[-2:])}
    return instantiate(node, f"logger.{name}", config["seed"], trusted, extra)


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
    try:
        return Trainer(**{**defaults, **arguments, **extra})
    except Exception as error:
        given = arguments.get("accelerator")
        message = str(error).strip().splitlines()[0]
        if given is not None and ("accelerator" in message or "upported" in message):
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


@contextmanager
def interruptible() -> Iterator[None]:
    """Turns what Lightning makes of Ctrl-C, the end of the program, into an error."""
    try:
        yield
    except SystemExit as error:
        raise KeyboardInterrupt from error


def check_optimizer(
    create: Callable[..., Optimizer], parameters: list[nn.Parameter], key: str
) -> None:
    """Makes an optimizer once, so that what it rejects is told before anything runs.

    Args:
        create: Makes an optimizer of parameters.
        parameters: What is optimised.
        key: Config key of the optimizer.

    Raises:
        ConfigError: If nothing is trainable, or the optimizer rejects its arguments.
    """
    if not parameters:
        raise ConfigError(
            f"{key}: no parameter is trainable, so there is nothing to optimise."
            " Fix: put a module into a BrickTrainable."
        )
    try:
        create(parameters)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{key}: {error}") from error
