"""Paths of bricks, such as `gw.v.encode`, and of the nests that they are in."""

from collections.abc import Collection, Iterable

from gwbricks.errors import ConfigError, UnknownNameError


def listed(names: Iterable[str] | None, key: str) -> list[str]:
    """Returns the names as a list, none for None.

    Raises:
        ConfigError: If it is one string.
    """
    if isinstance(names, str):
        raise ConfigError(f"{key}: {names!r} is a string. Fix: [{names!r}].")
    return list(names or ())


def select(names: Iterable[str] | None, paths: Collection[str], key: str) -> set[str]:
    """Returns the paths of the bricks, and of all bricks of the nests, that are named.

    Raises:
        ConfigError: If the names are one string.
        UnknownNameError: If a brick or nest does not exist.
    """
    return set().union(*(inside(name, paths, key) for name in listed(names, key)))


def inside(name: str, paths: Collection[str], key: str) -> set[str]:
    """Returns the path of the brick, or those of all bricks of the nest.

    Args:
        name: Path of a brick or a nest.
        paths: Paths of all bricks.
        key: Config key or argument that holds the name.

    Raises:
        UnknownNameError: If there is none.

    Example:
        >>> sorted(inside("gw.v", ["gw.v.decode", "gw.v.encode", "head"], "bricks"))
        ['gw.v.decode', 'gw.v.encode']
    """
    found = {path for path in paths if path == name or path.startswith(f"{name}.")}
    if not found:
        raise UnknownNameError(key, name, {*paths, *nests(paths)})
    return found


def nests(paths: Iterable[str]) -> set[str]:
    """Returns the paths of all nests.

    Example:
        >>> sorted(nests(["gw.v.encode", "head"]))
        ['gw', 'gw.v']
    """
    parts = [path.split(".") for path in paths]
    return {".".join(p[:depth]) for p in parts for depth in range(1, len(p))}
