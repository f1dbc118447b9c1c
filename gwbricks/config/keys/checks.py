"""Whether the keys of a config are known, there, and of the right type."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from gwbricks.config.arguments import fits
from gwbricks.config.keys.key import find_nodes, Key, STAR
from gwbricks.config.keys.tree import TREE
from gwbricks.errors import ConfigError, suggest


def unknown_keys(config: Mapping[str, Any], referred: Collection[str]) -> list[str]:
    """Returns one line for each key that nothing reads.

    Args:
        config: A resolved config.
        referred: Names that the config itself refers to, such as `latent_dim`.
    """
    if "experiment" in config:
        return [
            "experiment: a config cannot hold its own group. Fix: '# @package _global_'"
            " as the first line of the experiment's file."
        ]
    return [
        f"{key}.{name}".lstrip(".") + f": nothing reads this key.{suggest(name, known)}"
        for section, known in _sections().items()
        for key, node in find_nodes(config, section)
        for name in node
        if name not in known and (not key or name not in referred)
    ]


def _sections() -> dict[str, list[str]]:
    """Returns the names of the keys of each section that takes no others."""
    found = defaultdict[str, list[str]](list)
    for key in TREE:
        found[key.section].append(key.name)
    return {section: names for section, names in found.items() if STAR not in names}


def wrong_types(config: Mapping[str, Any]) -> list[str]:
    """Returns one line for each key that is missing or of a wrong type.

    Example:
        >>> wrong_types({"workspace": {"dim": 1.5}})[-1]
        'workspace.dim: 1.5. Expected a whole number above 0.'
    """
    problems = []
    for key in TREE:
        if key.is_part:
            continue
        for section, node in find_nodes(config, key.section):
            if not fits(node.get(key.name), key.hint):
                found = repr(node[key.name]) if key.name in node else "missing"
                where = f"{section}.{key.name}".lstrip(".")
                expected = f"Expected {key.expected}.{key.fix_for(where)}"
                problems.append(f"{where}: {found}. {expected}")
    return problems


def parts_of(section: str) -> list[Key]:
    """Returns the keys of what is built from a section, such as `domains.*`."""
    return [key for key in TREE if key.section == section and key.is_part]


def check_parts(node: Mapping[str, Any], section: str, where: str) -> None:
    """Checks that what is built from a section has its parts.

    Args:
        node: The section of a config.
        section: Its path in the tree.
        where: Its key in the config.

    Raises:
        ConfigError: If one is missing that it cannot do without.
    """
    for part in parts_of(section):
        value, key = node.get(part.name), f"{where}.{part.name}"
        is_target = isinstance(value, Mapping) and "_target_" in value
        if not is_target and not fits(None, part.hint):
            raise ConfigError(f"{key}: missing.{part.fix_for(key)}")
