"""Where bricks say that their weights are from: `bricks.NAME.from`."""

from collections.abc import Mapping
from typing import Any

FROM = "from"
"""Key of a brick or a nest that says where its weights are from."""


EXPECTED = (
    "Expected RUN_OR_FILE, RUN_OR_FILE:bricks.NAME, or what an experiment is trained"
    " with, as in [experiment=NAME]."
)


def find_sources(bricks: Mapping[str, Any], key: str = "bricks") -> dict[str, Any]:
    """Returns where weights are from, by the config key of the brick or nest.

    Example:
        >>> find_sources({"gw": {"v": {"from": "outputs/run:bricks.gw.t"}}})
        {'bricks.gw.v': 'outputs/run:bricks.gw.t'}
    """
    found = {}
    for name, node in bricks.items():
        if isinstance(node, Mapping) and name != FROM:
            found |= find_sources(node, f"{key}.{name}")
        elif name == FROM and node is not None:
            found[key] = node
    return found


def without_sources(bricks: Mapping[str, Any]) -> dict[str, Any]:
    """Returns bricks as they are built; a node with nothing but a source is gone.

    Example:
        >>> without_sources({"gw": {"_target_": "x", "v": {"from": "outputs/run"}}})
        {'gw': {'_target_': 'x'}}
    """
    kept = {}
    for name, node in bricks.items():
        if name == FROM:
            continue
        inner = without_sources(node) if isinstance(node, Mapping) else node
        if inner or not node:
            kept[name] = inner
    return kept


def source_problems(bricks: Mapping[str, Any]) -> list[str]:
    """Returns one line for each source that is no text and no list of texts."""
    return [
        f"{key}.{FROM}: {source!r}. {EXPECTED}"
        for key, source in find_sources(bricks).items()
        if not isinstance(source, str) and not _is_overrides(source)
    ]


def find_experiments(bricks: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Returns the overrides of each experiment that a brick or nest starts from.

    Example:
        >>> find_experiments({"gw": {"from": ["experiment=digits", "seed=1"]}})
        {'bricks.gw': ('experiment=digits', 'seed=1')}
    """
    return {
        key: tuple(source)
        for key, source in find_sources(bricks).items()
        if not isinstance(source, str)
    }


def _is_overrides(source: object) -> bool:
    return (
        isinstance(source, list)
        and bool(source)
        and all(isinstance(override, str) for override in source)
    )
