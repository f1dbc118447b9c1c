"""Shimmer's constructors: a standard graph in one call."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypedDict

import torch
from torch import nn, Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from gwbricks.bricks import BrickCollection
from gwbricks.domains import DomainModule
from gwbricks.errors import ConfigError, suggest
from gwbricks.losses import ContrastiveLoss, without_routes
from gwbricks.training.module import LightningBrickCollection
from gwbricks.workspace import (
    FusionRoutes,
    gw_bricks,
    RandomSelection,
    Routes,
    Selection,
    SimpleRoutes,
    SingleDomainSelection,
    WeightedSum,
    Workspace,
    WorkspaceDomain,
)


class SchedulerArgs(TypedDict, total=False):
    """Arguments of OneCycleLR; what is missing is filled in from the run."""

    max_lr: float
    total_steps: int


class LossCoefs(TypedDict, total=False):
    """Coefficients of the losses of `simple` routes."""

    translations: float
    demi_cycles: float
    cycles: float
    contrastives: float


class BroadcastLossCoefs(LossCoefs, total=False):
    """Coefficients of the losses of `fusion` routes."""

    fused: float


class GlobalWorkspace(LightningBrickCollection):
    """A Global Workspace with `simple` routes and one domain drawn at a time.

    It composes the standard graph with `gw_bricks`; there is nothing else in it.
    Domains are frozen unless they were unfrozen with `unfreeze()`.

    Args:
        domain_mods: Domain modules by name.
        gw_encoders: GW encoders by domain.
        gw_decoders: GW decoders by domain.
        workspace_dim: Size of the workspace.
        loss_coefs: `LossCoefs`: coefficients by kind of loss; null for none. The
            objective is the weighted sum.
        optim_lr: Learning rate of AdamW.
        optim_weight_decay: Weight decay of AdamW.
        scheduler_args: Arguments of OneCycleLR.
        learn_logit_scale: Whether the scale of the contrastive loss is trained.
        contrastive_loss: Another contrastive loss, of the encodings of two domains.
        scheduler: Makes another schedule of the optimizer.
        fusion_activation_fn: Activation of the fused state.
        selection: Weighs the domains; None for the standard one.

    Raises:
        ConfigError: If a domain has no encoder or decoder, or sizes do not fit.
    """

    routes: type[Routes] = SimpleRoutes

    def __init__(
        self,
        domain_mods: Mapping[str, DomainModule],
        gw_encoders: Mapping[str, nn.Module],
        gw_decoders: Mapping[str, nn.Module],
        workspace_dim: int,
        loss_coefs: Mapping[str, Any],
        optim_lr: float = 1e-3,
        optim_weight_decay: float = 0.0,
        scheduler_args: SchedulerArgs | None = None,
        learn_logit_scale: bool = False,
        contrastive_loss: nn.Module | None = None,
        scheduler: Callable[..., Any] | None = None,
        fusion_activation_fn: Callable[[Tensor], Tensor] = torch.tanh,
        selection: Selection | None = None,
    ) -> None:
        domains = _domains(domain_mods, gw_encoders, gw_decoders, workspace_dim)
        workspace = Workspace(
            selection or SingleDomainSelection(),
            WeightedSum(fusion_activation_fn),
            self.routes(),
            contrastive_loss or ContrastiveLoss(learn_scale=learn_logit_scale),
        )
        schedule = {"max_lr": optim_lr, **(scheduler_args or {})}
        super().__init__(
            BrickCollection(gw_bricks(domains, workspace, loss_coefs)),
            partial(AdamW, lr=optim_lr, weight_decay=optim_weight_decay),
            _with_unimodal(without_routes(loss_coefs), domains),
            scheduler or partial(OneCycleLR, **schedule),
        )
        self.workspace_dim = workspace_dim


class GlobalWorkspace2Domains(GlobalWorkspace):
    """A `GlobalWorkspace`, under the name that Shimmer gives it for two domains."""


class GlobalWorkspaceFusion(GlobalWorkspace):
    """A Global Workspace with `fusion` routes and random weights.

    Args:
        domain_mods: See `GlobalWorkspace`.
        gw_encoders: See `GlobalWorkspace`.
        gw_decoders: See `GlobalWorkspace`.
        workspace_dim: See `GlobalWorkspace`.
        loss_coefs: See `GlobalWorkspace`.
        selection_temperature: Temperature of the random selection.
        kwargs: The other arguments of `GlobalWorkspace`.
    """

    routes = FusionRoutes

    def __init__(
        self,
        domain_mods: Mapping[str, DomainModule],
        gw_encoders: Mapping[str, nn.Module],
        gw_decoders: Mapping[str, nn.Module],
        workspace_dim: int,
        loss_coefs: Mapping[str, Any],
        selection_temperature: float = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            domain_mods,
            gw_encoders,
            gw_decoders,
            workspace_dim,
            loss_coefs,
            selection=kwargs.pop("selection", None)
            or RandomSelection(selection_temperature),
            **kwargs,
        )


def _domains(
    modules: Mapping[str, DomainModule],
    encoders: Mapping[str, nn.Module],
    decoders: Mapping[str, nn.Module],
    workspace_dim: int,
) -> dict[str, WorkspaceDomain]:
    for argument, given in (("gw_encoders", encoders), ("gw_decoders", decoders)):
        for name in sorted(modules.keys() ^ given.keys()):
            missing = name not in given
            where = (
                f"{argument}: "
                if missing
                else f"{argument}: there is no domain module for "
            )
            verb = "nothing for the domain " if missing else ""
            raise ConfigError(f"{where}{verb}{name!r}.{suggest(name, modules)}")
    for argument, given, side in (
        ("gw_encoders", encoders, "out_dim"),
        ("gw_decoders", decoders, "in_dim"),
    ):
        for name, coder in sorted(given.items()):
            if getattr(coder, side, workspace_dim) != workspace_dim:
                raise ConfigError(
                    f"{argument}.{name}.{side}: {getattr(coder, side)}. Expected"
                    f" workspace_dim, which is {workspace_dim}."
                )
    return {
        name: WorkspaceDomain(
            module, encoders[name], decoders[name], trainable=module.is_frozen is False
        )
        for name, module in sorted(modules.items())
    }


def _with_unimodal(
    coefs: Mapping[str, Any], domains: Mapping[str, WorkspaceDomain]
) -> dict[str, Any]:
    trained = any(domain.trainable for domain in domains.values())
    return {"unimodal": 1.0, **coefs} if trained else dict(coefs)
