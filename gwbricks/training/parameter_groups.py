"""Parameters with options of their own, such as a smaller learning rate."""

from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from gwbricks.errors import ConfigError, suggest

Groups = Mapping[str, Mapping[str, Any] | None]
"""Options by name of the group; `params` is a pattern, or a list of them."""

PARAMS = "params"
KEY = "optimizer.groups"
REST = "rest"
"""Name of the group of parameters that are in no other."""


def make_optimizer(
    make: Callable[..., Optimizer],
    parameters: Mapping[str, nn.Parameter],
    groups: Groups,
) -> Optimizer:
    """Makes an optimizer of the trainable parameters.

    Args:
        make: Makes it of a list of parameters, or of groups of named ones.
        parameters: All parameters by name, the frozen ones too.
        groups: See `group_parameters`; if there is none, `make` is given a plain list.

    Raises:
        ConfigError: If no parameter is trainable, or a group is wrong.
    """
    trained = [p for p in parameters.values() if p.requires_grad]
    if not trained:
        raise ConfigError(
            "optimizer: no parameter is trainable, so there is nothing to optimise."
            " Fix: put a module into a BrickTrainable."
        )
    if not groups:
        return make(trained)
    _check_options(make, groups)
    return make(group_parameters(parameters, groups))


def group_parameters(
    parameters: Mapping[str, nn.Parameter], groups: Groups
) -> list[dict[str, Any]]:
    """Sorts the trainable parameters into groups for an optimizer.

    A pattern is the name of a parameter, or of a brick or nest that holds it, in which
    `*`, `?` and `[…]` stand for any text, one letter and one of these letters. A
    parameter has the options of all groups that it is in. Where two of them set one
    option, the group that lies inside the other wins; the order never matters.

    Args:
        parameters: All parameters by name, the frozen ones too.
        groups: See `Groups`; a null group is none.

    Returns:
        Groups of named parameters with their options. One that is made of several is
        called after them, such as `latents+no_decay`.

    Raises:
        ConfigError: If a pattern matches no trainable parameter, or two groups set one
            option of a parameter and neither lies inside the other.

    Example:
        >>> parameters = dict(nn.Linear(2, 3).named_parameters())
        >>> groups = {"no_decay": {"params": "bias", "weight_decay": 0.0}}
        >>> [group["name"] for group in group_parameters(parameters, groups)]
        ['rest', 'no_decay']
    """
    given = {name: group for name, group in sorted(groups.items()) if group is not None}
    members = {
        name: _members(name, group.get(PARAMS), parameters)
        for name, group in given.items()
    }
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for parameter, value in sorted(parameters.items()):
        if value.requires_grad:
            names = tuple(name for name in given if parameter in members[name])
            if names not in found:
                options = _options(parameter, names, given, members)
                found[names] = {PARAMS: [], "name": "+".join(names) or REST, **options}
            found[names][PARAMS].append((parameter, value))
    return [found[names] for names in sorted(found)]


def _members(
    group: str, patterns: object, parameters: Mapping[str, nn.Parameter]
) -> frozenset[str]:
    key = f"{KEY}.{group}.{PARAMS}"
    if group == REST:
        raise ConfigError(
            f"{KEY}.{REST}: that is what the rest is called. Fix: rename it."
        )
    if isinstance(patterns, str):
        patterns = [patterns]
    if not isinstance(patterns, Sequence) or not patterns:
        raise ConfigError(
            f"{key}: {patterns!r}. Expected a pattern of parameters, such as"
            " gw.*.latent, or a list of them."
        )
    members: set[str] = set()
    for pattern in map(str, patterns):
        matched = [name for name in parameters if _matches(name, pattern)]
        trained = [name for name in matched if parameters[name].requires_grad]
        if not trained:
            raise ConfigError(f"{key}: {_complaint(pattern, matched, parameters)}")
        members.update(trained)
    return frozenset(members)


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def _complaint(
    pattern: str, matched: Collection[str], parameters: Mapping[str, nn.Parameter]
) -> str:
    if matched:
        return (
            f"all that {pattern!r} matches is frozen, such as {min(matched)!r}. Fix:"
            " train it, as in domains.NAME.trainable=true, or take the group away."
        )
    trained = [name.split(".") for name, p in parameters.items() if p.requires_grad]
    paths = {".".join(parts[:end]) for parts in trained for end in range(1, len(parts))}
    return f"{pattern!r} matches no parameter.{suggest(pattern, paths)}"


def _options(
    parameter: str,
    names: Collection[str],
    groups: Mapping[str, Mapping[str, Any]],
    members: Mapping[str, frozenset[str]],
) -> dict[str, Any]:
    options = {}
    for option in sorted({o for name in names for o in groups[name]} - {PARAMS}):
        setters = [name for name in names if option in groups[name]]
        inner = [
            name
            for name in setters
            if all(members[name] < members[other] for other in setters if other != name)
        ]
        values = [groups[name][option] for name in inner or setters]
        if any(value != values[0] for value in values):
            raise ConfigError(
                f"{KEY}: {' and '.join(setters)} both set {option} of {parameter!r},"
                " and neither lies inside the other. Fix: a narrower pattern, or the"
                " same value."
            )
        options[option] = values[0]
    return options


def _check_options(make: Callable[..., Optimizer], groups: Groups) -> None:
    """Lets the optimizer check each group's values: it would check its own only."""
    for name, group in groups.items():
        if isinstance(make, partial) and group is not None:
            options = {o: value for o, value in group.items() if o != PARAMS}
            try:
                make([torch.zeros((), requires_grad=True)], **options)
            except (TypeError, ValueError, RuntimeError) as error:
                raise ConfigError(f"{KEY}.{name}: {error}") from error
