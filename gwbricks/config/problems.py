"""The mistakes of a config that can be seen without building anything."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lightning.pytorch import Trainer
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationToMissingValueError,
    OmegaConfBaseException,
)
from torch.optim import Optimizer

from gwbricks.config.allowed_targets import builds_brick, resolve_target
from gwbricks.config.arguments import argument_problems, filled_arguments
from gwbricks.config.brick_sources import source_problems, without_sources
from gwbricks.config.keys.checks import unknown_keys, wrong_types
from gwbricks.config.keys.key import find_nodes
from gwbricks.config.optimizer import group_problems, GROUPS
from gwbricks.errors import ConfigError

REFERENCE = re.compile(r"[\w-]+(?=\})")


def config_problems(
    cfg: DictConfig, trusted: Collection[str] = (), is_saved: bool = False
) -> list[str]:
    """Returns one line for each mistake: keys, types, targets and their arguments.

    Args:
        cfg: A composed config, not yet resolved.
        trusted: See `resolve_target`.
        is_saved: Whether it is the config of a run: its references are filled in, so
            whether something reads a key cannot be told.
    """
    problems = [
        f"{key}: missing. Fix: {key}=VALUE on the command line, or in the experiment."
        for key, value in _texts(cfg)
        if value == "???"
    ]
    problems += _interpolation_problems(cfg)
    if problems:
        return problems
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    config = {str(key): value for key, value in plain.items()}
    if isinstance(config.get("bricks"), dict):
        problems += source_problems(config["bricks"])
        config["bricks"] = without_sources(config["bricks"])
    referred = set(REFERENCE.findall(OmegaConf.to_yaml(cfg, resolve=False)))
    problems += [] if is_saved else unknown_keys(config, referred)
    problems += wrong_types(config)
    for key, node in find_nodes(config, "trainer", "domains.*.pretrain.trainer"):
        problems += _trainer_problems(key, node)
    bricks = {
        path: brick
        for key, nest in find_nodes(config, "bricks")
        for path, brick in _find_bricks(nest, key)
    }
    for key, node in _targets(config):
        problems += _target_problems(key, node, trusted, is_brick=key in bricks)
    for key, brick in bricks.items():
        problems += _brick_problems(key, brick, trusted)
    return problems


def _trainer_problems(key: str, node: Mapping[str, Any]) -> list[str]:
    taken = [
        f"{key}.{name}: nothing reads this key. Fix: the config's own {name}."
        for name in ("callbacks", "logger")
        if name in node
    ]
    return taken + argument_problems(key, Trainer, node, is_partial=True)


def _targets(node: object, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _targets(item, f"{key}.{index}")
    if isinstance(node, dict):
        if "_target_" in node:
            yield key, node
        for name, value in node.items():
            yield from _targets(value, f"{key}.{name}".lstrip("."))


def _target_problems(
    key: str, node: dict[str, Any], trusted: Collection[str], is_brick: bool
) -> list[str]:
    try:
        target = resolve_target(node["_target_"], key, trusted)
    except ConfigError as error:
        return [str(error)]
    special = ("_target_", "_partial_", "_args_")
    problems = []
    if inspect.isclass(target) and issubclass(target, Optimizer):
        special = (*special, GROUPS)
        problems = group_problems(f"{key}.{GROUPS}", target, node.get(GROUPS))
    given = {n: v for n, v in node.items() if n not in special}
    filled = filled_arguments(target) if is_brick else ()
    positional = len(node.get("_args_", []))
    partial = bool(node.get("_partial_", False))
    return problems + argument_problems(key, target, given, filled, positional, partial)


def _find_bricks(nest: Mapping[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    """Yields the bricks of a nest that are not switched off, with their keys."""
    for name, brick in nest.items():
        path = f"{key}.{name}"
        if isinstance(brick, dict) and "_target_" not in brick:
            yield from _find_bricks(brick, path)
        elif brick is not None:
            yield path, brick


def _brick_problems(key: str, brick: object, trusted: Collection[str]) -> list[str]:
    if not isinstance(brick, dict):
        return [f"{key}: {brick!r} is not a brick. Expected a node with _target_."]
    name = brick["_target_"]
    try:
        target = resolve_target(name, key, trusted)
    except ConfigError:
        return []  # reported with the other targets
    if builds_brick(target, name) or trusted:
        return []
    return [
        f"{key}._target_: {name!r} is no brick. Fix: wrap it,"
        " as in _target_: gwbricks.BrickTrainable with model: …"
    ]


def _interpolation_problems(cfg: DictConfig) -> list[str]:
    problems = []
    for key, value in _texts(cfg):
        if "${" in value:
            try:
                OmegaConf.select(cfg, _path(key), throw_on_resolution_failure=True)
            except InterpolationToMissingValueError:
                continue  # the missing value itself is reported
            except OmegaConfBaseException as error:
                problems.append(
                    f"{key}: cannot be resolved: {str(error).splitlines()[0]}."
                )
    return problems


def _texts(cfg: DictConfig) -> Iterator[tuple[str, str]]:
    """Yields every text of an unresolved config with its key."""

    def walk(node: object, key: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, dict | list):
            pairs = node.items() if isinstance(node, dict) else enumerate(node)
            for name, value in pairs:
                yield from walk(value, f"{key}.{name}".lstrip("."))
        elif isinstance(node, str):
            yield key, node

    yield from walk(OmegaConf.to_container(cfg, resolve=False), "")


def _path(key: str) -> str:
    """Returns a key in the form that also works for names such as `1`."""
    first, *rest = key.split(".")
    return first + "".join(f"[{name}]" for name in rest)
