"""Builds the objects that a config describes, each from its own seed."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import torch

from gwbricks.config.allowed_targets import resolve_target
from gwbricks.errors import ConfigError, GWBricksError
from gwbricks.seeding import derive_seed, seed_torch


def instantiate(
    node: Any,  # noqa: ANN401 - any value of a config
    key: str,
    seed: int,
    trusted: Collection[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> Any:  # noqa: ANN401 - whatever the config describes
    """Builds a node of a resolved config and everything below it.

    A module's weights depend on the seed and its own config key, not on what else is
    built or in which order. `_partial_` gives a partial function; `_args_` are
    positional arguments.

    Args:
        node: The node: plain values, lists and dictionaries.
        key: Its config key.
        seed: Seed of the run.
        trusted: See `resolve_target`.
        extra: Arguments that the config leaves out.

    Raises:
        ConfigError: If a target is not allowed, or rejects its arguments.
    """
    if isinstance(node, list):
        return [instantiate(v, f"{key}.{i}", seed, trusted) for i, v in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    built = {
        name: instantiate(node[name], f"{key}.{name}", seed, trusted)
        for name in node
        if name not in ("_target_", "_partial_")
    }
    if "_target_" not in node:
        return built
    target = resolve_target(node["_target_"], key, trusted)
    args = built.pop("_args_", [])
    arguments = {**(extra or {}), **built}
    if node.get("_partial_", False):
        return partial(target, *args, **arguments)
    with torch.random.fork_rng(devices=[]):
        seed_torch(derive_seed(seed, key))
        try:
            return target(*args, **arguments)
        except GWBricksError as error:
            named = str(error).startswith(f"{key}.")
            raise ConfigError(str(error) if named else f"{key}: {error}") from error
        except Exception as error:
            name = node["_target_"]
            raise ConfigError(f"{key}: {name} cannot be built: {error}") from error
