"""The graph of a Global Workspace: one function composes it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn, Tensor

from gwbricks.bricks import (
    Brick,
    BrickLoss,
    BrickModule,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
    LossOutput,
)
from gwbricks.bricks.stage import EVALUATED, PREDICTED
from gwbricks.data.table import LAYOUT
from gwbricks.domains import DomainModule
from gwbricks.errors import ConfigError
from gwbricks.losses import ContrastiveLoss, RouteMeans
from gwbricks.workspace.contrast import Contrast
from gwbricks.workspace.fusion import Fuse, WeightedSum
from gwbricks.workspace.plan import Plan
from gwbricks.workspace.planner import Planner
from gwbricks.workspace.route_errors import RouteErrors
from gwbricks.workspace.routes import (
    CONTRASTIVES,
    CYCLES,
    DEMI_CYCLES,
    FUSED,
    FusionRoutes,
    KINDS,
    Routes,
    TRANSLATIONS,
)
from gwbricks.workspace.selection import RandomSelection, Selection

UNIMODAL = "unimodal"
"""Name of the loss of the domains that are trained together with the workspace."""

RESERVED = frozenset(
    {LAYOUT, "stage", "plan", "states", "state", "restates", UNIMODAL, *KINDS}
    | {"fuse", "items", "refuse", "routes", "contrast"}
)
"""Names of the graph's own values and bricks, which no domain can have."""


@dataclass
class WorkspaceDomain:
    """One domain of a workspace.

    Args:
        module: From raw data to a latent and back.
        encoder: GW encoder: from the latent to the workspace, before fusion.
        decoder: GW decoder: from workspace states to the latent.
        trainable: Whether the module is trained together with the workspace.
    """

    module: DomainModule
    encoder: nn.Module
    decoder: nn.Module
    trainable: bool = False


@dataclass
class Workspace:
    """What the domains share.

    Args:
        selection: How much each domain enters.
        fusion: From encodings and weights to a state.
        routes: Which routes are computed.
        contrastive: Compares the encodings of two domains.
        gather: See `Contrast`.
    """

    selection: Selection = field(default_factory=RandomSelection)
    fusion: nn.Module = field(default_factory=WeightedSum)
    routes: Routes = field(default_factory=FusionRoutes)
    contrastive: nn.Module = field(default_factory=ContrastiveLoss)
    gather: bool = False


def gw_bricks(
    domains: Mapping[str, WorkspaceDomain],
    workspace: Workspace,
    loss_coefs: Mapping[str, float | None] | None = None,
) -> dict[str, Any]:
    """Composes the graph of a Global Workspace, as nested dictionaries of bricks.

    For every domain `d` it writes `d/latent`, `d/encoding` (before fusion), `d/state`
    (of that domain alone), `d/broadcast` (latents decoded from the states of all
    routes), `d/raw`, and errors; and once `plan`, `states` (one row a route and item),
    `state` (one row an item) and the losses.

    Args:
        domains: The domains by the name of their data.
        workspace: What they share.
        loss_coefs: Coefficients by kind of loss; training computes only the routes of
            kinds that have one. None means all kinds.

    Raises:
        ConfigError: If there is no domain, or a domain's name cannot be used.
    """
    names = sorted(domains)
    _check_names(names)
    kinds = [k for k in KINDS if loss_coefs is None or loss_coefs.get(k) is not None]
    fuse = Fuse(names, workspace.selection, workspace.fusion)
    planner = Planner(names, workspace.routes, kinds)
    means = [DEMI_CYCLES, TRANSLATIONS, FUSED]
    read = ["*/latent", "*/encoding", "plan"]
    bricks: dict[str, Any] = {
        name: _domain_bricks(name, domains[name]) for name in names
    }
    bricks |= {
        "plan": BrickModule(
            planner, ["stage", f"{LAYOUT}?", *(f"{n}?" for n in names)], ["plan"]
        ),
        "fuse": BrickTrainable(fuse, read, ["states"]),
        "items": BrickShared("fuse", read, ["state"], EVALUATED, method="items"),
        "state": BrickModule(_same, ["states"], ["state"], PREDICTED, trainable=None),
        "refuse": BrickShared(
            "fuse",
            ["*/rebroadcast", "*/reencoding", "plan"],
            ["restates"],
            method="cycles",
        ),
        "routes": BrickLoss(RouteMeans(means), ["*/error", "plan"], means),
        "cycles": BrickLoss(
            RouteMeans([CYCLES], cycles=True), ["*/cycle_error", "plan"], [CYCLES]
        ),
        "contrast": BrickLoss(
            Contrast(workspace.contrastive, workspace.gather),
            ["*/encoding", "plan"],
            [CONTRASTIVES],
        ),
    }
    if any(domain.trainable for domain in domains.values()):
        bricks[UNIMODAL] = BrickLoss(_sum_losses, [f"*/{UNIMODAL}"], [UNIMODAL])
    return bricks


def _domain_bricks(name: str, domain: WorkspaceDomain) -> dict[str, Brick]:
    error = RouteErrors(name, domain.module)
    cycle_error = RouteErrors(name, domain.module, cycles=True)
    compared = [f"{name}/latent", name, "plan"]
    bricks: dict[str, Brick] = {
        "latent": _latent(name, domain),
        "encode": BrickTrainable(
            domain.encoder, [f"{name}/latent"], [f"{name}/encoding"]
        ),
        "state": BrickShared(
            "fuse", [f"{name}/encoding"], [f"{name}/state"], method="alone"
        ),
        "states": _take(_Take(name).states, ["states", "plan"], f"{name}/states"),
        "decode": BrickTrainable(
            domain.decoder, [f"{name}/states"], [f"{name}/broadcast"]
        ),
        "raw": BrickShared(
            "latent", [f"{name}/broadcast"], [f"{name}/raw"], method="decode"
        ),
        "raw_target": _take(
            _Take(name).targets, [name, "plan"], f"{name}/raw_target", True
        ),
        "error": _error(error, [f"{name}/broadcast", *compared], f"{name}/error"),
        "rebroadcast": _take(
            _Take(name).reencoded, [f"{name}/broadcast", "plan"], f"{name}/rebroadcast"
        ),
        "reencode": BrickShared(
            "encode", [f"{name}/rebroadcast"], [f"{name}/reencoding"]
        ),
        "restates": _take(
            _Take(name).restates, ["restates", "plan"], f"{name}/restates"
        ),
        "redecode": BrickShared("decode", [f"{name}/restates"], [f"{name}/cycled"]),
        "cycle_error": _error(
            cycle_error, [f"{name}/cycled", *compared], f"{name}/cycle_error"
        ),
    }
    if domain.trainable:
        bricks[UNIMODAL] = BrickShared(
            "latent",
            [name],
            [f"{name}/{UNIMODAL}"],
            EVALUATED,
            method="compute_domain_loss",
            skip_missing=True,
        )
    return bricks


def _latent(name: str, domain: WorkspaceDomain) -> BrickModule:
    if domain.trainable:
        return BrickTrainable(
            domain.module,
            [name],
            [f"{name}/latent"],
            method="encode",
            skip_missing=True,
        )
    return BrickNotTrainable(
        domain.module,
        [name],
        [f"{name}/latent"],
        calculate_gradients=False,
        method="encode",
        skip_missing=True,
    )


def _take(
    take: Callable[[Any, Plan], Any], reads: list[str], writes: str, skip: bool = False
) -> BrickModule:
    return BrickModule(take, reads, [writes], trainable=None, skip_missing=skip)


def _error(error: RouteErrors, reads: list[str], writes: str) -> BrickModule:
    return BrickModule(
        error, reads, [writes], EVALUATED, trainable=None, skip_missing=True
    )


@dataclass(frozen=True)
class _Take:
    """Picks the rows that one domain needs in one place of the graph."""

    name: str

    def states(self, states: Tensor, plan: Plan) -> Tensor:
        """Rows that the domain decodes in the first pass."""
        return plan.columns[self.name].take(states)

    def targets(self, raw: Tensor, plan: Plan) -> Tensor:
        """Raw data that the first rows of the broadcast are to match."""
        return raw.index_select(0, plan.columns[self.name].targets)

    def reencoded(self, broadcast: Tensor, plan: Plan) -> Tensor:
        """Rows that go through the domain in a cycle."""
        return plan.columns[self.name].retake(broadcast)

    def restates(self, restates: Tensor, plan: Plan) -> Tensor:
        """Rows that the domain decodes at the end of cycles."""
        return plan.recolumns[self.name].take(restates)


def _same(states: Tensor) -> Tensor:
    """Where every item has one route, its state is that of the item."""
    return states


def _sum_losses(losses: Mapping[str, LossOutput | None]) -> LossOutput | None:
    found = {name: loss for name, loss in sorted(losses.items()) if loss is not None}
    if not found:
        return None
    means = {name: output.loss.mean() for name, output in found.items()}
    metrics = {name: mean.detach() for name, mean in means.items()}
    for name, output in found.items():
        metrics |= {f"{name}/{key}": value for key, value in output.metrics.items()}
    return LossOutput(torch.stack(list(means.values())).sum(), metrics)


def _check_names(names: Iterable[str]) -> None:
    names = list(names)
    if not names:
        raise ConfigError(
            "domains: there is none, so there is no workspace."
            " Fix: +domain@domains.v=mlp, or workspace=null."
        )
    for name in names:
        if set(name) & set("/+.*?"):
            raise ConfigError(
                f"domains: {name!r} cannot be a domain's name."
                " Fix: leave out / + . * and ?."
            )
        if name in RESERVED:
            raise ConfigError(
                f"domains: the name {name!r} is taken by the graph. Fix: rename it."
            )
