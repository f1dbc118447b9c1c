"""Names that a domain can have: those that the graph does not need itself."""

from collections.abc import Iterable, Mapping
from typing import Any

from gwbricks.bricks import Brick
from gwbricks.errors import ConfigError

NAMELESS = "/"
"""Stands for any domain in a graph; no domain can be called that."""


def check_domain_names(names: Iterable[str], graph: Mapping[str, Any]) -> None:
    """Checks that domains can have these names.

    Args:
        names: The names.
        graph: The graph of a domain called `NAMELESS`.

    Raises:
        ConfigError: If there is none, or one cannot be used.
    """
    names = sorted(names)
    if not names:
        raise ConfigError(
            "domains: there is none, so there is no workspace."
            " Fix: +domain@domains.v=mlp, or workspace=null."
        )
    taken = own_names(graph)
    for name in names:
        if set(name) & set("/+.*?"):
            raise ConfigError(
                f"domains: {name!r} cannot be a domain's name."
                " Fix: leave out / + . * and ?."
            )
        if name in taken:
            raise ConfigError(
                f"domains: the name {name!r} is taken by the graph. Fix: rename it."
            )


def own_names(graph: Mapping[str, Any]) -> set[str]:
    """Returns the names of bricks, values and data that are those of no domain.

    Args:
        graph: The graph of a domain called `NAMELESS`.
    """
    bricks = [brick for brick in graph.values() if isinstance(brick, Brick)]
    written = {name for brick in bricks for name in brick.output_names}
    read = {read.name for brick in bricks for read in brick.reads or ()}
    return {name for name in {*graph, *written, *read} if "/" not in name}
