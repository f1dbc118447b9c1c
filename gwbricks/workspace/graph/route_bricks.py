"""The part of the graph that depends on routes: from encodings to their losses."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gwbricks.bricks import (
    Brick,
    BrickLoss,
    BrickModule,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
    Stage,
)
from gwbricks.bricks.stage import EVALUATED
from gwbricks.workspace.fusion import Fuse
from gwbricks.workspace.graph.route_errors import RouteErrors, takes_raw
from gwbricks.workspace.graph.route_means import RouteMeans
from gwbricks.workspace.parts import WorkspaceDomain
from gwbricks.workspace.planning.plan import Plan
from gwbricks.workspace.planning.routes import CYCLES, DEMI_CYCLES, FUSED, TRANSLATIONS

ONE_PASS = [DEMI_CYCLES, TRANSLATIONS, FUSED]
"""Kinds whose routes end after one pass, in the order of their losses."""

Weights = type[BrickTrainable | BrickNotTrainable]
"""Kind of the bricks that hold coders and selection: trained or frozen."""

READ_BY_FUSION = ["*/latent", "*/encoding", "plan"]


def route_bricks(
    domains: Mapping[str, WorkspaceDomain],
    fuse: Fuse,
    alive_stages: Collection[Stage],
    reencode: Callable[[str], Brick],
    weights: Weights = BrickTrainable,
    target: str = "latent",
) -> dict[str, Any]:
    """Composes the bricks of all routes, and nests of those of each domain.

    They read `d/latent`, `d/encoding`, `plan`, and raw data if a domain's loss does.

    Args:
        domains: The domains by the name of their data.
        fuse: Selection and fusion.
        alive_stages: Stages in which routes are computed.
        reencode: Makes the brick from a domain's `d/rebroadcast` to `d/reencoding`.
        weights: Kind of the bricks that hold decoders and selection.
        target: What latents are compared to: `d/latent`, or `d/clean` if that is
            corrupted.
    """
    alive, compared = list(alive_stages), [s for s in EVALUATED if s in alive_stages]
    nests = {
        name: _domain_bricks(
            name, domain, alive, compared, reencode(name), weights, target
        )
        for name, domain in sorted(domains.items())
    }
    return {
        **nests,
        "fuse": weights(fuse, READ_BY_FUSION, ["states"], alive_stages=alive),
        # Selection and fusion of the first pass again: a cycle has one workspace.
        "refuse": BrickShared(
            "fuse",
            ["*/rebroadcast", "*/reencoding", "plan"],
            ["restates"],
            alive,
            method="cycles",
        ),
        "routes": BrickLoss(
            RouteMeans(ONE_PASS), ["*/error", "plan"], ONE_PASS, alive_stages=compared
        ),
        "cycles": BrickLoss(
            RouteMeans([CYCLES], cycles=True),
            ["*/cycle_error", "plan"],
            [CYCLES],
            alive_stages=compared,
        ),
    }


def _domain_bricks(
    name: str,
    domain: WorkspaceDomain,
    alive: list[Stage],
    compared: list[Stage],
    reencode: Brick,
    weights: Weights,
    target: str,
) -> dict[str, Brick]:
    read = [f"{name}/{target}", "plan", *([name] if takes_raw(domain.module) else [])]
    error = RouteErrors(name, domain.module)
    cycle_error = RouteErrors(name, domain.module, cycles=True)
    rows = _RowPicker(name)

    def take(method: Callable[..., Tensor], reads: list[str], writes: str) -> Brick:
        return BrickModule(method, reads, [writes], alive, trainable=None)

    def compare(errors: RouteErrors, pred: str, writes: str) -> Brick:
        # A domain that the batch lacks is decoded to, with nothing to compare it with.
        return BrickModule(
            errors, [pred, *read], [writes], compared, trainable=None, skip_missing=True
        )

    return {
        "states": take(rows.states, ["states", "plan"], f"{name}/states"),
        "decode": weights(
            domain.decoder,
            [f"{name}/states"],
            [f"{name}/broadcast"],
            alive_stages=alive,
        ),
        "error": compare(error, f"{name}/broadcast", f"{name}/error"),
        "rebroadcast": take(
            rows.reencoded, [f"{name}/broadcast", "plan"], f"{name}/rebroadcast"
        ),
        "reencode": reencode,
        "restates": take(rows.restates, ["restates", "plan"], f"{name}/restates"),
        "redecode": BrickShared(
            "decode", [f"{name}/restates"], [f"{name}/cycled"], alive
        ),
        "cycle_error": compare(cycle_error, f"{name}/cycled", f"{name}/cycle_error"),
    }


@dataclass(frozen=True)
class _RowPicker:
    """Picks the rows that one domain needs in one place of the graph."""

    name: str

    def states(self, states: Tensor, plan: Plan) -> Tensor:
        """Rows that the domain decodes in the first pass."""
        return plan.columns[self.name].take(states)

    def reencoded(self, broadcast: Tensor, plan: Plan) -> Tensor:
        """Rows that go through the domain in a cycle."""
        return plan.columns[self.name].retake(broadcast)

    def restates(self, restates: Tensor, plan: Plan) -> Tensor:
        """Rows that the domain decodes at the end of cycles."""
        return plan.recolumns[self.name].take(restates)
