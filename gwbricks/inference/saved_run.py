"""Reads a saved run from its folder or a lone checkpoint; its config may be changed."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from gwbricks.config.problems import config_problems
from gwbricks.config.saved import plain_config
from gwbricks.errors import CheckpointError, ConfigError, ConfigErrors, suggest
from gwbricks.training.checkpoints import find_checkpoint, read_checkpoint
from gwbricks.training.module import CONFIG


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
    cfg = DictConfig(checkpoint[CONFIG])
    OmegaConf.set_struct(cfg, True)
    for override in overrides:
        _change(cfg, override)
    return cfg, checkpoint


def _change(cfg: DictConfig, override: str) -> None:
    key, equals, value = override.partition("=")
    key = key.lstrip("+")
    if not equals:
        raise ConfigError(f"{override}: no override. Expected key=value.")
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(cfg, parent) if parent else cfg
    known = list(map(str, node)) if isinstance(node, DictConfig) else []
    if not override.startswith("+") and name not in known:
        raise ConfigError(
            f"{key}: the run's config has no such key.{suggest(name, known)}"
        )
    try:
        parsed = OmegaConf.from_dotlist([f"value={value}"]).value
        OmegaConf.update(cfg, key, parsed, force_add=True)
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise ConfigError(f"{override}: cannot be read. Expected key=value.") from error


def read_run(
    target: Path, overrides: Sequence[str] = (), trusted: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Returns the config of a run, resolved and checked, and its weights.

    Args:
        target: A run folder, or a lone checkpoint.
        overrides: Changes, such as `data.batch_size=64`.
        trusted: See `resolve_target`.

    Raises:
        CheckpointError: If there is no checkpoint, or it holds no config.
        ConfigError: If an override is wrong.
    """
    cfg, checkpoint = load_run(target, overrides)
    # neither is built again, so what they need may be missing here
    cfg = OmegaConf.create({**cfg, "callbacks": None, "logger": None})
    problems = config_problems(cfg, trusted, is_saved=True)
    if problems:
        raise ConfigErrors(problems)
    return plain_config(cfg), checkpoint["state_dict"]
