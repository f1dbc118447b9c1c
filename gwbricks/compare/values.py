"""Values of a config: whether they are equal, and how they are shown."""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeGuard

CLASS = r"[a-z_]\w*(\.\w+)*\.([A-Z]\w*|\w+\.\w+)"
"""Pattern of a dotted path to a class or a function."""


class Missing:
    """The value of a key that a config does not have."""

    def __repr__(self) -> str:
        return "-"


MISSING = Missing()


def equality_key(value: object) -> Hashable:
    """Returns a key that is the same for equal values only: 1 is 1.0, but not true.

    Example:
        >>> equality_key(1) == equality_key(1.0), equality_key(1) == equality_key(True)
        (True, False)
    """
    if is_number(value):
        return float(value)
    return repr(value)  # lists and mappings have no hash


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Returns the shortest ends of dotted names that tell them apart.

    Example:
        >>> list(short_names(["optimizer.lr", "data.size", "model.size"]).values())
        ['lr', 'data.size', 'model.size']
    """
    short = {}
    for name in names:
        parts = name.split(".")
        ends = [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        short[name] = next(
            (
                end
                for end in ends
                if sum(f".{other}".endswith(f".{end}") for other in names) == 1
            ),
            name,
        )
    return short


def shown(value: object) -> str:
    """Returns a value as text for people: a class by its own name.

    Example:
        >>> [shown(v) for v in (None, True, 1e-3, "torch.optim.SGD", [1, 2], MISSING)]
        ['null', 'true', '0.001', 'SGD', '[1, 2]', '-']
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and re.fullmatch(CLASS, value):
        return value.rpartition(".")[2]
    return str(value)


def label(values: Mapping[str, object]) -> str:
    """Returns one line for some values by key."""
    short = short_names(list(values))
    return ", ".join(f"{short[name]}={shown(value)}" for name, value in values.items())
