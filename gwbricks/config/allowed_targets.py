"""What a config may build: an allow-list of names, checked again once resolved."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import inspect
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from torch import nn

from gwbricks.bricks import Brick
from gwbricks.config.keys.tree import TREE
from gwbricks.errors import close_match, ConfigError, MOST_LISTED, nearest_names

PREFIXES = (
    "gwbricks.",
    "torch.nn.",
    "torch.optim.",
    "torchmetrics.",
    "lightning.pytorch.callbacks.",
    "lightning.pytorch.loggers.",
)
"""Beginnings of the names that a config may give as `_target_`."""

FACTORIES = ("gwbricks.workspace.gw_bricks", "gwbricks.bag_of_bricks.resnet_to_brick")
"""The only functions of gwbricks that a config may call."""

BASES = (nn.Module, *dict.fromkeys(role for key in TREE for role in key.roles))
"""What a class must be derived from, wherever it stands; metrics are modules too."""


def resolve_target(
    name: object, key: str, trusted: Collection[str] = ()
) -> Callable[..., Any]:
    """Returns the class or function that a config names.

    Nothing is imported for a name that is not allowed.

    Args:
        name: Value of `_target_`.
        key: Config key of the node that has it.
        trusted: Packages that are allowed besides gwbricks' own list. They come from
            the command line or from Python, never from a config.

    Raises:
        ConfigError: If it is not allowed, does not exist, or is of the wrong kind.
    """
    where = f"{key}._target_"
    if not isinstance(name, str):
        raise ConfigError(f"{where}: {name!r}. Expected a dotted name.")
    own = any(name == package or name.startswith(f"{package}.") for package in trusted)
    if not own and not name.startswith(PREFIXES):
        package = name.split(".")[0]
        fix = f" Fix: if you trust the package, add --trust {package} to the command."
        raise ConfigError(
            f"{where}: {name!r} is not allowed."
            f" Allowed: {', '.join(prefix + '*' for prefix in PREFIXES)}."
            f"{'' if package in sys.stdlib_module_names else fix}"
        )
    target = _locate(name, where)
    if not own:
        _check_kind(target, name, where)
    _check_role(target, name, key)
    return target


def _locate(name: str, where: str) -> Any:  # noqa: ANN401 - whatever has the name
    parts = name.split(".")
    found: Any = None
    for count, part in enumerate(parts, 1):
        if (
            found is not None
            and not isinstance(found, ModuleType)
            and part.startswith("_")
        ):
            break
        if found is not None and hasattr(found, part):
            found = getattr(found, part)
            continue
        try:
            found = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            known = [] if found is None else _public(found)
            home = ".".join(parts[: count - 1])
            raise ConfigError(
                f"{where}: {name!r} does not exist.{_hint(home, part, known)}"
                f" Fix: the name of a class in {home or 'a package'}."
            ) from None
    return found


def _public(module: object) -> list[str]:
    return [name for name in dir(module) if not name.startswith("_")]


def _hint(home: str, name: str, known: Sequence[str]) -> str:
    close = close_match(name, known)
    hint = "" if close is None else f" Did you mean '{home}.{close}'?"
    if len(known) > MOST_LISTED:
        hint += f" Nearest names: {', '.join(nearest_names(name, known))}."
    return hint


def _check_kind(target: object, name: str, where: str) -> None:
    home = getattr(target, "__module__", "") or ""
    is_ours = home.startswith(("gwbricks.", "torch.", "torchmetrics.", "lightning."))
    if inspect.isclass(target) and is_ours and issubclass(target, BASES):
        if not inspect.isabstract(target):
            return
        raise ConfigError(f"{where}: {name!r} is abstract. Fix: one of its subclasses.")
    if name in FACTORIES or (
        inspect.isfunction(target) and home == "torch.nn.functional"
    ):
        return
    kinds = (
        "module, brick, optimizer, scheduler, metric, data module, callback or logger"
    )
    raise ConfigError(
        f"{where}: {name!r} is not a class that a config may build: a {kinds}."
    )


def _check_role(target: object, name: str, key: str) -> None:
    bases = next((own.roles for own in TREE if own.matches(key)), ())
    if not bases or (inspect.isclass(target) and issubclass(target, bases)):
        return
    listed = " or ".join(base.__name__ for base in bases)
    raise ConfigError(
        f"{key}._target_: {name!r} is no {listed}. Expected a class of that kind."
    )


def builds_brick(target: object, name: str) -> bool:
    """Whether a target makes a brick, or a dictionary of bricks."""
    return name in FACTORIES or (inspect.isclass(target) and issubclass(target, Brick))
