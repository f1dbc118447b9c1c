"""A key of a config: what fits it, what it is, and how keys are matched."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

STAR = "*"
"""Stands for any one name in the path of a key."""


class Target:
    """What a node with `_target_` builds; no other value fits."""


@dataclass(frozen=True)
class Key:
    """A key of a config.

    Args:
        path: Where it stands; a star is any one name.
        expected: The values that fit, in words.
        what: What it is, in a line.
        hint: Type of those values; what cannot be null must be there. With Any, only
            who reads the key checks it.
        roles: What the class of its `_target_` must be derived from, one of them.
        fix: What to do about a value that does not fit. `{key}` stands for its key, and
            `{section}` for that of its section.
        is_part: Whether its section builds something, such as a domain, that takes it
            as an argument. Who builds that says what is missing.
    """

    path: str
    expected: str
    what: str
    hint: Any = Any
    roles: tuple[type, ...] = ()
    fix: str = ""
    is_part: bool = False

    @property
    def section(self) -> str:
        """Path of the node that it stands in."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Its name in its section, or a star."""
        return self.path.rpartition(".")[2]

    def matches(self, key: str) -> bool:
        """Whether it describes a key of a config, such as `domains.v.encoder`."""
        own, given = self.path.split("."), key.split(".")
        return len(own) == len(given) and all(
            part in (STAR, name) for part, name in zip(own, given, strict=True)
        )

    def fix_for(self, key: str) -> str:
        """Returns the end of a message about a key of a config."""
        section = key.rpartition(".")[0]
        fix = self.fix.format(key=key, section=section)
        return f" Fix: {fix}." if fix else ""


def find_nodes(
    config: Mapping[str, Any], *patterns: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the dictionaries at keys such as `domains.*.pretrain`, with their keys."""
    for pattern in patterns:
        nodes: list[tuple[str, Any]] = [("", config)]
        for part in pattern.split(".") if pattern else ():
            nodes = [
                (f"{key}.{name}".lstrip("."), value)
                for key, node in nodes
                if isinstance(node, Mapping)
                for name, value in node.items()
                if part in (STAR, name)
            ]
        yield from ((key, node) for key, node in nodes if isinstance(node, dict))
