"""Coefficients of single routes: `loss_coefs.routes.KIND.ROUTE`."""

from collections.abc import Mapping, Sequence
from typing import Any

from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.losses import check_coef, ROUTES
from gwbricks.workspace.planning.route_choice import RouteCoefs
from gwbricks.workspace.planning.routes import CONTRASTIVES, KINDS, Routes, subsets

KEY = f"loss_coefs.{ROUTES}"


def check_route_coefs(
    coefs: Mapping[str, Any] | None, domains: Sequence[str], routes: Routes
) -> RouteCoefs:
    """Returns coefficients by kind and name of the route, checked.

    Args:
        coefs: Coefficients by kind, then by name of the route, such as
            `{"translations": {"v-to-t": 2.0}}`.
        domains: Domains of the workspace.
        routes: Which routes a group takes.

    Raises:
        UnknownNameError: If there is no such kind or route.
        ConfigError: If one is negative or no number.

    Example:
        >>> from gwbricks.workspace import FusionRoutes
        >>> check_route_coefs({"cycles": {"v-through-t": 2}}, "tv", FusionRoutes())
        {('cycles', 'v-through-t'): 2.0}
    """
    kinds = [kind for kind in KINDS if kind != CONTRASTIVES]
    checked: dict[tuple[str, str], float | None] = {}
    for kind, given in sorted((coefs or {}).items()):
        if kind not in kinds:
            raise UnknownNameError(KEY, kind, kinds)
        if not isinstance(given, Mapping):
            raise ConfigError(
                f"{KEY}.{kind}: {given!r}. Expected coefficients by route, as in"
                f" {KEY}.{kind}={{v-to-t: 2.0}}."
            )
        for name, coef in sorted(given.items()):
            _check_name(kind, str(name), domains, routes)
            key = f"{ROUTES}.{kind}.{name}"
            checked[kind, name] = None if coef is None else check_coef(key, coef)
    return checked


def _check_name(kind: str, name: str, domains: Sequence[str], routes: Routes) -> None:
    every = tuple(sorted(domains))
    known: set[str] = set()
    # Most routes are of rows with all domains; some presets have more of other rows.
    for group in (every, *subsets(every)):
        for evaluate in (False, True):
            found = routes.of(group, every, evaluate)
            known |= {route.name for route in found if route.kind == kind}
        if name in known:
            return
    raise UnknownNameError(f"{KEY}.{kind}", name, known)
