"""Weights that bricks start from: `bricks.NAME.from`: run, file or experiment."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn, Tensor

from gwbricks.bricks import BrickCollection
from gwbricks.bricks.graph.paths import nests
from gwbricks.config.brick_sources import EXPECTED, find_sources, FROM
from gwbricks.errors import (
    CheckpointError,
    ConfigError,
    ConfigErrors,
    suggest,
    UnknownNameError,
)
from gwbricks.training.checkpoints import load_weights, part_of, read_weights, ROOT

SOURCE = re.compile(r"(.+?)(?::([\w.-]+))?")
"""Pattern of a run or a file, and of a part of it."""


def path_of(source: str) -> Path:
    """Returns the run or file of a source that `load_sources` has read.

    Example:
        >>> path_of("outputs/run:bricks.gw").as_posix()
        'outputs/run'
    """
    match = SOURCE.fullmatch(source)
    assert match is not None
    return Path(match[1])


def load_sources(
    bricks: Mapping[str, Any],
    collection: BrickCollection,
    experiments: Mapping[str, Mapping[str, Tensor]],
) -> set[nn.Module]:
    """Loads the weights that bricks start from; each tensor must be there and fit.

    Args:
        bricks: The config's `bricks`.
        collection: What was built of it.
        experiments: Weights of each experiment that a brick or nest starts from, by the
            config key of the brick or nest.

    Returns:
        The modules that were loaded.

    Raises:
        ConfigError: With all sources that do not exist or do not fit.
    """
    problems, loaded = [], set[nn.Module]()
    for key, source in sorted(find_sources(bricks).items()):
        try:
            part = _find_part(collection, key)
            weights = (
                _read(source, key)
                if isinstance(source, str)
                else _pick(experiments[key], key, key, " ".join(source))
            )
            load_weights(part, weights, f"{key}.{FROM}")
            loaded.update(part.modules())
        except (ConfigError, CheckpointError) as error:
            problems.append(str(error))
    if problems:
        raise ConfigErrors(problems)
    return loaded


def _find_part(collection: BrickCollection, key: str) -> nn.Module:
    known = _with_nests(collection.flat())
    if key not in known:
        raise UnknownNameError(f"{key}.{FROM}", key, known)
    return collection.get_submodule(key.removeprefix("bricks").lstrip("."))


def _read(source: str, key: str) -> dict[str, Tensor]:
    match = SOURCE.fullmatch(source)
    if match is None:
        raise ConfigError(f"{key}.{FROM}: {source!r}. {EXPECTED}")
    file, name = match[1], match[2] or key
    weights = read_weights(Path(file), f"{key}.{FROM}")
    return _pick(weights, name, key, file)


def _pick(
    weights: Mapping[str, Tensor], name: str, key: str, source: str
) -> dict[str, Tensor]:
    path = name.removeprefix("bricks").lstrip(".")
    found = part_of(weights, path)
    if found and name.split(".")[0] == "bricks":
        return found
    known = {n.removeprefix(ROOT).partition(".model.")[0] for n in weights}
    raise CheckpointError(
        f"{key}.{FROM}: {source!r} holds no weights of {name!r}."
        f"{suggest(f'bricks.{path}', _with_nests(known))}"
    )


def _with_nests(paths: Mapping[str, Any] | set[str]) -> set[str]:
    """Returns the config keys of bricks and of the nests that they are in."""
    keys = {f"bricks.{path}" for path in paths}
    return keys | nests(keys)
