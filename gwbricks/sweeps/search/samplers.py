"""Samplers and pruners of Optuna, by their names in a config."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
)
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from gwbricks.errors import ConfigError, UnknownNameError

GRID, NSGA2 = "grid", "nsga2"

SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "tpe": TPESampler,
    "random": RandomSampler,
    GRID: RandomSampler,  # asked for nothing: the study is given one point at a time
    NSGA2: NSGAIISampler,
}
PRUNERS: dict[str, Callable[..., BasePruner]] = {
    "median": MedianPruner,
    "percentile": PercentilePruner,
    "halving": SuccessiveHalvingPruner,
    "hyperband": HyperbandPruner,
    "threshold": ThresholdPruner,
}

T = TypeVar("T")
Node = str | Mapping[str, Any]
"""A name, or a name with arguments of Optuna's class."""


def make_sampler(node: Node, seed: int | None, number: int) -> BaseSampler:
    """Returns the sampler of one trial.

    A sampler of its own for each trial makes a study that was stopped go on with the
    values that it would have had.

    Args:
        node: What `hydra.sweeper.sampler` says.
        seed: Seed of the study.
        number: The trial's number.

    Raises:
        UnknownNameError: If there is no such sampler.
        ConfigError: If Optuna rejects its arguments.
    """
    if seed is not None:
        seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    return _make("hydra.sweeper.sampler", node, SAMPLERS, {"seed": seed})


def make_pruner(node: Node | None) -> BasePruner:
    """Returns the pruner, which decides which trials to stop.

    Args:
        node: What `hydra.sweeper.pruner` says.

    Raises:
        UnknownNameError: If there is no such pruner.
        ConfigError: If Optuna rejects its arguments.
    """
    if node is None:
        return NopPruner()
    return _make("hydra.sweeper.pruner", node, PRUNERS, {})


def name_of(node: Node) -> str:
    """Returns the name that a node gives."""
    return node if isinstance(node, str) else str(node.get("name"))


def _make(
    key: str,
    node: Node,
    known: Mapping[str, Callable[..., T]],
    extra: Mapping[str, Any],
) -> T:
    name = name_of(node)
    if name not in known:
        raise UnknownNameError(key, name, known)
    options = {} if isinstance(node, str) else {**node}
    options.pop("name", None)
    try:
        return known[name](**extra, **options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key}: {name}: {error}") from error
