"""Losses between two sets of rows, coefficients, and the weighted sum of losses."""

from importlib import import_module
from typing import Any

from gwbricks.losses.coefs import (
    check_coef as check_coef,
    check_coefs as check_coefs,
    CoefRamp as CoefRamp,
    coefs_at as coefs_at,
    find_ramps as find_ramps,
    ROUTES as ROUTES,
    without_routes as without_routes,
)
from gwbricks.losses.contrastive import ContrastiveLoss as ContrastiveLoss
from gwbricks.losses.ranking import RankingLoss as RankingLoss
from gwbricks.losses.weighted_sum import weighted_sum as weighted_sum

_MOVED = {
    "kind_losses": "graph.route_means",
    "RouteMeans": "graph.route_means",
    "RowErrors": "graph.route_means",
    "Term": "planning.terms",
    "Terms": "planning.terms",
}
"""Where in the workspace names are that saved configs and scripts look for here."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the names
    if name not in _MOVED:
        raise AttributeError(f"module 'gwbricks.losses' has no attribute {name!r}")
    return getattr(import_module(f"gwbricks.workspace.{_MOVED[name]}"), name)
