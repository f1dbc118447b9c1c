"""Whether the training rows can serve the losses that are asked for."""

from collections.abc import Iterable, Sequence

from gwbricks.workspace.planning.routes import CONTRASTIVES, Domains, KINDS, Routes

FIXES = {
    "translations": "needs rows with two domains. Fix: data.matched above 0",
    "contrastives": "needs rows with two domains. Fix: data.matched above 0",
    "fused": "needs rows with two domains and routes=fusion. Fix: data.matched above 0",
    "cycles": "needs a second domain to go through. Fix: add one",
    "demi_cycles": "needs rows that routes=simple takes alone. Fix: data.unpaired=true",
}


def missing_kinds(
    kinds: Iterable[str],
    groups: Iterable[Domains],
    domains: Sequence[str],
    routes: Routes,
) -> list[str]:
    """Returns one message for each kind of loss that no training row has a route of.

    Args:
        kinds: Kinds with a coefficient.
        groups: Domains of each group of training rows.
        domains: Domains of the workspace.
        routes: Which routes a group takes.
    """
    groups = list(groups)
    available = {
        route.kind
        for group in groups
        for route in routes.of(group, tuple(domains), False)
    }
    if any(len(group) > 1 for group in groups):
        available.add(CONTRASTIVES)
    listed = ", ".join("+".join(group) for group in groups)
    return [
        f"loss_coefs.{kind}: no training row has a route for it (groups: {listed};"
        f" {len(domains)} domain{'s' if len(domains) > 1 else ''}): it {FIXES[kind]},"
        f" or loss_coefs.{kind}=null."
        for kind in sorted(set(kinds) & set(KINDS))
        if kind not in available
    ]
