"""Shimmer's functions of one group of latents: translation, cycle and broadcast."""

from collections.abc import Iterable

from torch import Tensor

from gwbricks.workspace.graph.view import (
    BROADCAST,
    LATENT,
    Latents,
    named,
    WorkspaceView,
)
from gwbricks.workspace.selection import Selection


def translation(
    gw_module: WorkspaceView, selection_mod: Selection | None, x: Latents, to: str
) -> Tensor:
    """Translates latents of some domains to a latent of one.

    Args:
        gw_module: A workspace, such as `GlobalWorkspace.gw_mod`.
        selection_mod: Weighs the domains; None for the workspace's own.
        x: Latents of matched rows, by domain.
        to: The domain that is wanted.

    Raises:
        UnknownNameError: If a domain is not in the workspace.
    """
    return _broadcast(gw_module, selection_mod, x, [to])[to]


def broadcast(
    gw_mod: WorkspaceView, selection_mod: Selection | None, latents: Latents
) -> dict[str, Tensor]:
    """Translates latents of some domains to latents of every domain.

    Args:
        gw_mod: See `translation`.
        selection_mod: See `translation`.
        latents: Latents of matched rows, by domain.

    Raises:
        UnknownNameError: If a domain is not in the workspace.
    """
    return _broadcast(gw_mod, selection_mod, latents, gw_mod.domains)


def cycle(
    gw_module: WorkspaceView,
    selection_mod: Selection | None,
    x: Latents,
    through: str | Iterable[str],
) -> dict[str, Tensor]:
    """Translates latents to other domains, and from these back again.

    Args:
        gw_module: See `translation`.
        selection_mod: See `translation`.
        x: Latents of matched rows, by domain.
        through: The domain in between, or several.

    Raises:
        UnknownNameError: If a domain is not in the workspace.
    """
    names = gw_module.check_domains(x, "x")
    with gw_module.selecting(selection_mod):
        outputs = [f"{name}/{BROADCAST}" for name in names]
        found = gw_module.cycle(named(x, LATENT), through, outputs)
    return {name: found[f"{name}/{BROADCAST}"] for name in names}


def _broadcast(
    gw_module: WorkspaceView,
    selection_mod: Selection | None,
    x: Latents,
    to: Iterable[str],
) -> dict[str, Tensor]:
    names = gw_module.check_domains(to, "to")
    gw_module.check_domains(x, "x")
    with gw_module.selecting(selection_mod):
        found = gw_module.run(
            named(x, LATENT), [f"{name}/{BROADCAST}" for name in names]
        )
    return {name: found[f"{name}/{BROADCAST}"] for name in names}
