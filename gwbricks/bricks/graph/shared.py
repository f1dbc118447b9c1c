"""Where a shared brick finds its module."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from gwbricks.bricks.brick import Brick, BrickModule, check_method
from gwbricks.bricks.kinds import BrickShared
from gwbricks.errors import suggest, WiringError


def function_of(path: str, bricks: Mapping[str, Brick]) -> Callable[..., Any]:
    """Returns what a brick calls; for a shared brick, the other brick's module.

    Args:
        path: Path of the brick.
        bricks: All bricks by path.

    Raises:
        WiringError: If the other brick does not exist, or holds no module.
        UnknownNameError: If the module does not have the method.
    """
    brick = bricks[path]
    if not isinstance(brick, BrickShared):
        return brick.function
    target = bricks[resolve_shared(brick.brick, path, bricks)]
    if not isinstance(target, BrickModule):
        raise WiringError(
            f"{path}.brick: {brick.brick!r} is a {type(target).__name__}. Expected a"
            " brick that holds a module. Fix: name the brick with the module."
        )
    if brick.method is None:
        return target.function
    check_method(target.model, brick.method)
    return getattr(target.model, brick.method)


def check_kept(chosen: Collection[str], bricks: Mapping[str, Brick]) -> None:
    """Checks that shared bricks are kept together with the ones they share.

    Args:
        chosen: Paths of the bricks that are kept.
        bricks: All bricks by path.

    Raises:
        WiringError: If they are not.
    """
    for path in sorted(chosen):
        brick = bricks[path]
        if not isinstance(brick, BrickShared):
            continue
        owner = resolve_shared(brick.brick, path, bricks)
        if owner not in chosen:
            raise WiringError(
                f"{path}.brick: {owner!r}, which it shares, is left out. Fix: choose"
                " both, or neither."
            )


def resolve_shared(name: str, path: str, bricks: Collection[str]) -> str:
    """Finds the brick that a shared brick names, from its own nest outwards.

    Args:
        name: The name, such as `"v.encode"`.
        path: Path of the shared brick.
        bricks: Paths of all bricks.

    Raises:
        WiringError: If there is no such brick.

    Example:
        >>> resolve_shared("v.encode", "gw.v.reencode", ["gw.v.encode"])
        'gw.v.encode'
    """
    nest = path.split(".")[:-1]
    for depth in range(len(nest), -1, -1):
        candidate = ".".join([*nest[:depth], name])
        # never itself: `encode` inside a nest may share `encode` outside of it
        if candidate in bricks and candidate != path:
            return candidate
    raise WiringError(
        f"{path}.brick: no brick {name!r}.{suggest(name, set(bricks) - {path})}"
    )
