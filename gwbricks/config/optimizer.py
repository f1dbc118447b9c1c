"""The optimizer of a config and its parameter groups."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from gwbricks.config.arguments import argument_problems
from gwbricks.config.instantiate import instantiate
from gwbricks.training.parameter_groups import PARAMS

GROUPS = "groups"


def build_optimizer(
    node: Mapping[str, Any], key: str, seed: int, trusted: Collection[str]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Returns what makes the optimizer, and its parameter groups.

    Args:
        node: The node, such as the config's `optimizer`.
        key: Its config key.
        seed: Seed of the run.
        trusted: See `resolve_target`.
    """
    own = {name: value for name, value in node.items() if name != GROUPS}
    return instantiate(own, key, seed, trusted), dict(node.get(GROUPS) or {})


def group_problems(key: str, target: Callable[..., Any], groups: object) -> list[str]:
    """Returns one line for each mistake that shows without the parameters.

    Args:
        key: Config key of the groups.
        target: The optimizer.
        groups: Options by name of the group.
    """
    if not isinstance(groups, Mapping | None):
        return [f"{key}: {groups!r}. Expected groups of parameters by name."]
    problems = []
    for name, group in (groups or {}).items():
        if group is None:
            continue  # switched off
        if not isinstance(group, Mapping):
            problems.append(f"{key}.{name}: {group!r}. Expected a node with {PARAMS}.")
            continue
        options = {option: v for option, v in group.items() if option != PARAMS}
        where = f"{key}.{name}"
        problems += argument_problems(where, target, options, is_partial=True)
    return problems
