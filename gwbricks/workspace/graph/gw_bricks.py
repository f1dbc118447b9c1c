"""The graph of a Global Workspace: one function composes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
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
    Stage,
)
from gwbricks.bricks.stage import EVALUATED, PREDICTED
from gwbricks.data.table import LAYOUT
from gwbricks.domains import IdentityDomain
from gwbricks.errors import UnknownNameError
from gwbricks.losses import ROUTES
from gwbricks.workspace.contrast import Contrast
from gwbricks.workspace.corruption import Corruption
from gwbricks.workspace.fusion import Fuse
from gwbricks.workspace.graph.chunked import ChunkedRoutes
from gwbricks.workspace.graph.domain_names import check_domain_names, NAMELESS
from gwbricks.workspace.graph.route_bricks import READ_BY_FUSION, route_bricks, Weights
from gwbricks.workspace.parts import Workspace, WorkspaceDomain
from gwbricks.workspace.planning.plan import Plan
from gwbricks.workspace.planning.planner import Planner
from gwbricks.workspace.planning.route_coefs import check_route_coefs
from gwbricks.workspace.planning.routes import CONTRASTIVES, FusionRoutes, KINDS
from gwbricks.workspace.variational import (
    is_variational,
    KL,
    mean_divergence,
    VariationalEncoder,
)

UNIMODAL = "unimodal"
"""Name of the loss of the domains that are trained together with the workspace."""

CORRUPTION = "corruption"
"""Name of the scales at which the cells of a batch are corrupted."""


def gw_bricks(
    domains: Mapping[str, WorkspaceDomain],
    workspace: Workspace,
    loss_coefs: Mapping[str, Any] | None = None,
    trainable: bool = True,
) -> dict[str, Any]:
    """Composes the graph of a Global Workspace, as nested dictionaries of bricks.

    For every domain `d` it writes `d/latent`, `d/encoding` (before fusion), `d/state`
    (of that domain alone), `d/broadcast` (latents decoded from the states of all
    routes), `d/raw`, and errors; and once `plan`, `states` (one row a route and item),
    `state` (one row an item) and the losses. With a corruption, `d/latent` is the
    corrupted one, `d/clean` is what errors are measured against, and `corruption` holds
    the scales.

    Args:
        domains: The domains by the name of their data.
        workspace: What they share.
        loss_coefs: Coefficients by kind of loss; training computes only the routes of
            kinds that have one. None means all kinds. Those of single routes are under
            `routes`; see `check_route_coefs`.
        trainable: Whether coders and selection are trained; else they are frozen.

    Raises:
        ConfigError: If there is no domain, a domain's name cannot be used, or a
            coefficient of a route cannot be.
        UnknownNameError: If a domain that is to be corrupted does not exist.
    """
    check_domain_names(domains, _whole_graph())
    return _compose(domains, workspace, loss_coefs, trainable)


def _compose(
    domains: Mapping[str, WorkspaceDomain],
    workspace: Workspace,
    loss_coefs: Mapping[str, Any] | None = None,
    trainable: bool = True,
) -> dict[str, Any]:
    names = sorted(domains)
    coefs = loss_coefs or {}
    kinds = [k for k in KINDS if loss_coefs is None or coefs.get(k) is not None]
    routes = workspace.routes
    route_coefs = check_route_coefs(coefs.get(ROUTES), names, routes)
    weights_of = [part for d in domains.values() for part in (d.encoder, d.decoder)]
    planner = Planner(names, routes, kinds, route_coefs, weights_of)
    corruption = workspace.corruption
    target = "latent" if corruption is None else "clean"
    weights = BrickTrainable if trainable else BrickNotTrainable
    fuse = Fuse(names, workspace.selection, workspace.fusion)
    is_chunked = routes.chunk is not None
    # In training, chunks compute the routes within one brick instead.
    stages = [s for s in Stage if not (is_chunked and s is Stage.TRAIN)]
    of_routes = route_bricks(
        domains,
        fuse,
        stages,
        lambda n: _reencode(n, domains[n].encoder, stages),
        weights,
        target,
    )
    of_domains = {
        name: _domain_bricks(name, domains[name], stages, corruption, weights)
        for name in names
    }
    bricks: dict[str, Any] = {
        "plan": BrickModule(
            planner, ["stage", f"{LAYOUT}?", *(f"{n}?" for n in names)], ["plan"]
        ),
        "items": BrickShared(
            "fuse", READ_BY_FUSION, ["state"], EVALUATED, method="items"
        ),
        "state": BrickModule(_same, ["states"], ["state"], PREDICTED, trainable=None),
        **of_routes,
        **{name: of_domains[name] | of_routes[name] for name in names},
        "contrast": BrickLoss(
            Contrast(workspace.contrastive, workspace.gather),
            ["*/encoding", "plan"],
            [CONTRASTIVES],
        ),
    }
    computed = [kind for kind in kinds if kind != CONTRASTIVES]
    if is_chunked and computed:
        chunks = ChunkedRoutes(domains, fuse, computed, weights, target)
        bricks["chunks"] = _chunks(chunks)
    return bricks | _where_needed(domains, corruption)


def _chunks(chunks: ChunkedRoutes) -> BrickLoss:
    reads = [*READ_BY_FUSION, "*/clean?", *(f"{name}?" for name in chunks.raw)]
    return BrickLoss(chunks, reads, chunks.kinds, alive_stages=[Stage.TRAIN])


def _where_needed(
    domains: Mapping[str, WorkspaceDomain], corruption: Corruption | None
) -> dict[str, Brick]:
    """Returns the bricks that only some workspaces have."""
    bricks: dict[str, Brick] = {}
    if corruption is not None:
        bricks[CORRUPTION] = _corruption(corruption, sorted(domains))
    if any(domain.trainable for domain in domains.values()):
        bricks[UNIMODAL] = BrickLoss(_sum_losses, [f"*/{UNIMODAL}"], [UNIMODAL])
    if any(is_variational(domain.encoder) for domain in domains.values()):
        bricks[KL] = BrickLoss(mean_divergence, ["*/mean", "*/log_variance"], [KL])
    return bricks


def _domain_bricks(
    name: str,
    domain: WorkspaceDomain,
    stages: list[Stage],
    corruption: Corruption | None,
    weights: Weights,
) -> dict[str, Brick]:
    clean = f"{name}/latent" if corruption is None else f"{name}/clean"
    bricks: dict[str, Brick] = {
        "latent": _latent(name, domain, clean),
        **_encode(name, domain.encoder, weights),
        "state": BrickShared(
            "fuse", [f"{name}/encoding"], [f"{name}/state"], method="alone"
        ),
        "raw": BrickShared(
            "latent", [f"{name}/broadcast"], [f"{name}/raw"], stages, method="decode"
        ),
        "raw_target": BrickModule(
            _RawTarget(name),
            [name, "plan"],
            [f"{name}/raw_target"],
            trainable=None,
            skip_missing=True,
        ),
    }
    if corruption is not None:
        bricks["corrupt"] = BrickModule(
            _Corrupt(name, corruption),
            [clean, f"{CORRUPTION}?", "plan"],
            [f"{name}/latent"],
            trainable=None,
            skip_missing=True,
        )
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


def _encode(name: str, encoder: nn.Module, weights: Weights) -> dict[str, Brick]:
    latent, encoding = f"{name}/latent", f"{name}/encoding"
    if not is_variational(encoder):
        return {"encode": weights(encoder, [latent], [encoding])}
    normal = [f"{name}/mean", f"{name}/log_variance"]
    return {
        "encode": weights(encoder, [latent], normal, method="posterior"),
        "sample": BrickShared("encode", normal, [encoding], method="sample"),
    }


def _reencode(name: str, encoder: nn.Module, stages: list[Stage]) -> BrickShared:
    return BrickShared(
        "encode",
        [f"{name}/rebroadcast"],
        [f"{name}/reencoding"],
        stages,
        method="__call__" if is_variational(encoder) else None,
    )


class FrozenLatent(BrickNotTrainable):
    """Latents of a frozen domain, unless a batch already has them."""

    replaceable = True


@dataclass(frozen=True)
class _RawTarget:
    """Picks the raw data that the first rows of a domain's broadcast are to match."""

    name: str

    def __call__(self, raw: Tensor, plan: Plan) -> Tensor:
        """Returns one row for each row with a target."""
        column = plan.columns[self.name]
        return column.true(raw, 0, len(column.targets))


@dataclass(frozen=True)
class _Corrupt:
    """Corrupts the latents of one domain."""

    name: str
    corruption: Corruption

    def __call__(self, latent: Tensor, scales: Tensor | None, plan: Plan) -> Tensor:
        """Returns latents as the workspace is given them."""
        return self.corruption.corrupt(self.name, latent, scales, plan)


def _corruption(corruption: Corruption, names: Sequence[str]) -> BrickModule:
    for name in corruption.domains or ():
        if name not in names:
            raise UnknownNameError("workspace.corruption.domains", name, names)
    return BrickModule(
        corruption, ["plan"], [CORRUPTION], EVALUATED, trainable=None, method="draw"
    )


def _latent(name: str, domain: WorkspaceDomain, writes: str) -> BrickModule:
    if domain.trainable:
        return BrickTrainable(
            domain.module, [name], [writes], method="encode", skip_missing=True
        )
    return FrozenLatent(
        domain.module,
        [name],
        [writes],
        calculate_gradients=False,
        method="encode",
        skip_missing=True,
    )


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


@cache
def _whole_graph() -> dict[str, Any]:
    """Returns a graph with every brick that there can be, of a nameless domain."""
    with torch.device("meta"):  # draws no weights: the random state is the caller's
        encoder = VariationalEncoder(1, 1, 1, 0)
    domain = WorkspaceDomain(IdentityDomain(1), encoder, nn.Identity(), trainable=True)
    routes, corruption = FusionRoutes(chunk=1), Corruption(nn.Identity(), [1.0])
    return _compose({NAMELESS: domain}, Workspace(routes=routes, corruption=corruption))
