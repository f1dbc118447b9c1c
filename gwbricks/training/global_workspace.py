"""Shimmer's constructors: a standard graph in one call."""

from collections.abc import Callable, Iterable, Mapping
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
    WorkspaceView,
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


Groups = Mapping[frozenset[str], Mapping[str, Tensor]]
"""Groups of matched rows, by their domains: Shimmer's batches."""


class GWPredictions(TypedDict):
    """What a workspace predicts from groups of domains; see `GroupPredictions`."""

    states: dict[frozenset[str], Tensor]
    broadcasts: dict[frozenset[str], dict[str, Tensor]]
    cycles: dict[frozenset[str], dict[str, Tensor]]


class GlobalWorkspace(LightningBrickCollection):
    """A Global Workspace with `simple` routes and one domain drawn at a time.

    It composes the standard graph with `gw_bricks`; there is nothing else in it.
    Domains are frozen unless they were unfrozen with `unfreeze()`. Its methods run the
    graph in inference, on groups of rows: in eval mode, without gradients. `gw_mod`
    does the same for one group.

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
        self.gw_mod = WorkspaceView(self.brick_collection)

    @property
    def domain_mods(self) -> dict[str, DomainModule]:
        """The domain modules, by name."""
        return self.gw_mod.domain_mods

    @property
    def selection_mod(self) -> Selection:
        """How much each domain enters."""
        return self.gw_mod.selection

    def encode_domain(self, domain: Tensor, name: str) -> Tensor:
        """Encodes raw data of one domain to latents."""
        self.gw_mod.check_domains([name], "name")
        return self.gw_mod.run({name: domain}, [f"{name}/latent"])[f"{name}/latent"]

    def encode_domains(self, batch: Groups) -> dict[frozenset[str], dict[str, Tensor]]:
        """Encodes raw data to latents."""
        return {
            group: {name: self.encode_domain(x, name) for name, x in raw.items()}
            for group, raw in batch.items()
        }

    def decode_domain(self, domain: Tensor, name: str) -> Any:  # noqa: ANN401 - raw data of any type
        """Decodes latents of one domain to raw data."""
        self.gw_mod.check_domains([name], "name")
        return self.gw_mod.run({f"{name}/broadcast": domain}, [f"{name}/raw"])[
            f"{name}/raw"
        ]

    def decode_domains(self, latents_domain: Groups) -> dict[frozenset[str], Any]:
        """Decodes latents to raw data."""
        return {
            group: {name: self.decode_domain(z, name) for name, z in latents.items()}
            for group, latents in latents_domain.items()
        }

    def encode(self, x: Groups) -> dict[frozenset[str], dict[str, Tensor]]:
        """Encodes latents into the workspace, before fusion."""
        return {group: self.gw_mod.encode(latents) for group, latents in x.items()}

    def fuse(self, x: Groups, selection_scores: Groups) -> dict[frozenset[str], Tensor]:
        """Fuses encodings with given weights, each of shape `(rows,)`."""
        return {
            group: self.gw_mod.fuse(encodings, selection_scores[group])
            for group, encodings in x.items()
        }

    def encode_and_fuse(
        self, x: Groups, selection_module: Selection | None = None
    ) -> dict[frozenset[str], Tensor]:
        """Encodes latents to states; without a selection, with the workspace's own."""
        return {
            group: self.gw_mod.encode_and_fuse(latents, selection_module)
            for group, latents in x.items()
        }

    def batch_gw_states(self, latent_domains: Groups) -> dict[frozenset[str], Tensor]:
        """Encodes latents to states."""
        return self.encode_and_fuse(latent_domains)

    def decode(
        self, z: Mapping[frozenset[str], Tensor], domains: Iterable[str] | None = None
    ) -> dict[frozenset[str], dict[str, Tensor]]:
        """Decodes states to latents of the given domains; None for all."""
        names = None if domains is None else list(domains)
        return {group: self.gw_mod.decode(state, names) for group, state in z.items()}

    def forward(self, latent_domains: Groups) -> GWPredictions:
        """Computes the states of latents, what they are decoded to, and cycles."""
        found = {
            group: self.gw_mod(latents) for group, latents in latent_domains.items()
        }
        return {
            "states": {group: made["states"] for group, made in found.items()},
            "broadcasts": {group: made["broadcasts"] for group, made in found.items()},
            "cycles": {group: made["cycles"] for group, made in found.items()},
        }


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
