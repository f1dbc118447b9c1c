"""What a brick reads, bound to the names that there are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gwbricks.bricks.names import Read, STAGE

Argument = str | dict[str, str] | None
"""A name, names by key (a pattern, or all inputs), or None: a missing optional."""


@dataclass(frozen=True)
class Binding:
    """The names of the values that a brick is given.

    Args:
        args: Positional arguments.
        kwargs: Keyword arguments.
    """

    args: tuple[Argument, ...]
    kwargs: dict[str, Argument]

    @property
    def names(self) -> list[str]:
        """All names, in order."""
        names: list[str] = []
        for arg in (*self.args, *self.kwargs.values()):
            names += [arg] if isinstance(arg, str) else list((arg or {}).values())
        return names

    def pick(self, values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Returns the positional and the keyword arguments, taken from `values`."""
        args = [
            values[arg] if isinstance(arg, str) else _pick(arg, values)
            for arg in self.args
        ]
        return args, {key: _pick(arg, values) for key, arg in self.kwargs.items()}


def bind(
    reads: Sequence[Read] | None, names: Collection[str], own: Collection[str]
) -> Binding:
    """Finds the names that each argument of a brick stands for.

    A missing name is None: whether it may be missing is for others to check.

    Args:
        reads: What the brick reads; None for all.
        names: Names of the values that there are.
        own: Outputs of the brick, which neither a pattern nor `all` takes.
    """
    if reads is None:
        return Binding(({name: name for name in names if name not in own},), {})
    args: list[Argument] = []
    kwargs: dict[str, Argument] = {}
    for read in reads:
        arg = find(read, names, own)
        if read.argument is None:
            args.append(arg)
        else:
            kwargs[read.argument] = arg
    return Binding(tuple(args), kwargs)


def find(read: Read, names: Collection[str], own: Collection[str]) -> Argument:
    """Returns what one argument stands for; see `bind`."""
    if read.is_pattern:
        found = read.matches(name for name in names if name not in own)
        return {star: name for name, star in found.items()}
    return read.name if read.name == STAGE or read.name in names else None


def _pick(arg: Argument, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - data of any type
    if isinstance(arg, str):
        return values[arg]
    if arg is None:
        return None
    return {key: values[name] for key, name in arg.items()}
