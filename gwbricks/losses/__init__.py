"""Losses: means over routes, contrastive, and their weighted sum."""

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
from gwbricks.losses.objective import weighted_sum as weighted_sum
from gwbricks.losses.ranking import RankingLoss as RankingLoss
from gwbricks.losses.route_means import (
    kind_losses as kind_losses,
    RouteMeans as RouteMeans,
    RowErrors as RowErrors,
)
from gwbricks.losses.terms import Term as Term, Terms as Terms
