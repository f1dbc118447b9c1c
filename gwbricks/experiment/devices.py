"""The devices and the strategy that a config asks for."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from lightning.fabric.plugins import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import Strategy

from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.training.strategies import DataParallel, ShardedParallel

STRATEGIES: dict[str, Callable[[ClusterEnvironment | None], Strategy]] = {
    "ddp": DataParallel,
    "ddp_find_unused_parameters_true": DataParallel,
    "ddp_find_unused_parameters_false": partial(DataParallel, finds_unused=False),
    "fsdp": ShardedParallel,
}
"""Values of `trainer.strategy` besides Lightning's `auto`."""

OVER_SEVERAL = ("strategy", "devices", "num_nodes", "sync_batchnorm")
"""Keys of `trainer` that mean nothing on one device."""


def is_single(trainer: Mapping[str, Any]) -> bool:
    """Whether a trainer's arguments ask for one device, at a glance.

    Example:
        >>> is_single({"devices": 1}), is_single({"devices": 2}), is_single({})
        (True, False, False)
    """
    is_plain = trainer.get("strategy", "auto") == "auto"
    return is_plain and trainer.get("devices") == 1 == trainer.get("num_nodes", 1)


def on_one_device(trainer: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a trainer's arguments for the first of its devices alone.

    Example:
        >>> on_one_device({"accelerator": "gpu", "devices": [2, 3], "strategy": "ddp"})
        {'accelerator': 'gpu', 'devices': [2]}
        >>> on_one_device({"devices": 2, "num_nodes": 3})
        {'devices': 1}
    """
    kept = {key: value for key, value in trainer.items() if key not in OVER_SEVERAL}
    devices = trainer.get("devices", "auto")
    return {**kept, "devices": devices[:1] if isinstance(devices, list) else 1}


def on_any_device(trainer: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a trainer's arguments to check a run with, on one device of this machine.

    A run whose strategy needs GPUs is checked without them.

    Raises:
        UnknownNameError: If there is no such strategy.
        ConfigError: If there is no device.
    """
    if trainer.get("devices") in (0, []):
        raise ConfigError(
            f"trainer.devices: {trainer['devices']}. Expected 1 or more, or auto."
        )
    check_strategy(str(trainer.get("strategy", "auto")), "trainer")
    single = on_one_device(trainer)
    if trainer.get("strategy") == "fsdp" and not torch.cuda.is_available():
        return {**single, "accelerator": "cpu", "devices": 1}
    return single


def check_strategy(name: str, key: str) -> None:
    """Checks that there is a strategy.

    Args:
        name: What `trainer.strategy` says.
        key: Config key of the trainer.

    Raises:
        UnknownNameError: If there is none.
    """
    if name not in ("auto", *STRATEGIES):
        raise UnknownNameError(f"{key}.strategy", name, ["auto", *STRATEGIES])


def make_strategy(name: str, accelerator: str, key: str) -> Strategy:
    """Makes the strategy by which several processes train.

    Args:
        name: What `trainer.strategy` says.
        accelerator: What `trainer.accelerator` says.
        key: Config key of the trainer.

    Raises:
        ConfigError: If there is no such strategy, or it needs GPUs and there are none.
    """
    check_strategy(name, key)
    has_gpus = torch.cuda.is_available() and accelerator in ("auto", "gpu", "cuda")
    if name == "fsdp" and not has_gpus:
        found = "this machine has none"
        if torch.cuda.is_available():
            found = f"{key}.accelerator is {accelerator}"
        raise ConfigError(
            f"{key}.strategy: fsdp needs GPUs, and {found}. Fix: trainer=ddp."
        )
    return STRATEGIES[name](_environment())


def _environment() -> ClusterEnvironment | None:
    """Returns Lightning's plain environment for the one task of a Slurm job.

    Lightning takes all of Slurm's tasks for processes that train together.
    """
    tasks = os.environ.get("SLURM_NTASKS")
    return LightningEnvironment() if tasks == "1" else None
