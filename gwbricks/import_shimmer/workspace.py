"""The workspace and the training of a checkpoint of Shimmer, as config."""

from collections.abc import Mapping
from typing import Any

from gwbricks.errors import ConfigError
from gwbricks.import_shimmer.checkpoint import KEY, ShimmerCheckpoint
from gwbricks.import_shimmer.config_draft import count_tensors, Draft, is_coefficient
from gwbricks.losses.contrastive import MAX_SCALE
from gwbricks.workspace.planning.routes import FUSED, KINDS

ACTIVATIONS = {
    **{f"torch.{name.lower()}": name for name in ("Tanh", "ReLU", "Sigmoid")},
    **{f"torch.nn.functional.{n.lower()}": n for n in ("Tanh", "ReLU", "Sigmoid")},
    **{f"torch.nn.modules.activation.{n}": n for n in ("Tanh", "ReLU", "Sigmoid")},
    "torch.nn.modules.linear.Identity": "Identity",
}
"""Modules for activations of the fusion, by what a checkpoint calls them."""

ROUTES = "routes@workspace.routes"
SELECTION = "selection@workspace.selection"
CONTRASTIVE = "contrastive@workspace.contrastive"

OF_RANKING = "clip_contrastive_loss.logit_scale"
"""The only weight of shimmer-ssd's VSE++ loss, which uses it for logs alone."""


def draft_workspace(draft: Draft, checkpoint: ShimmerCheckpoint) -> None:
    """Adds routes, selection, fusion, and the contrastive loss.

    Raises:
        ConfigError: If the file does not say which Global Workspace it is of, or has an
            activation that gwbricks does not know.
    """
    name = _workspace_class(draft, checkpoint)
    is_fusion = (draft.given(ROUTES) or name) in ("fusion", "GlobalWorkspaceFusion")
    draft.choose(ROUTES, "fusion" if is_fusion else "simple")
    draft.choose(SELECTION, "random" if is_fusion else "single")
    draft.report(name, "workspace.routes", "fusion" if is_fusion else "simple")
    _report_selection(draft, checkpoint, is_fusion)
    _draft_activation(draft, checkpoint)
    _draft_contrastive(draft, checkpoint)
    _draft_coefs(draft, checkpoint.hyper, is_fusion)


def draft_training(draft: Draft, checkpoint: ShimmerCheckpoint) -> None:
    """Adds optimizer and schedule."""
    hyper = checkpoint.hyper
    draft.copy(hyper, "optim_lr", "optimizer.lr")
    draft.copy(hyper, "optim_weight_decay", "optimizer.weight_decay")
    schedule = hyper.get("scheduler_args")
    if isinstance(schedule, dict):
        draft.copy(schedule, "max_lr", "scheduler.max_lr")
        if "total_steps" in schedule:
            draft.report("total_steps", "", "filled in from the run")
    for name in checkpoint.state:
        draft.report(name, "", "training starts anew")


def _workspace_class(draft: Draft, checkpoint: ShimmerCheckpoint) -> str:
    if given := draft.given(ROUTES):
        return given
    if "selection_temperature" in checkpoint.hyper:
        return "GlobalWorkspaceFusion"
    if "workspace_dim" in checkpoint.hyper:
        return "GlobalWorkspace2Domains"
    raise ConfigError(
        f"{KEY}: {str(checkpoint.path)!r} does not say which Global Workspace it is of."
        f" Fix: {ROUTES}=simple for GlobalWorkspace2Domains, or =fusion for"
        " GlobalWorkspaceFusion."
    )


def _report_selection(
    draft: Draft, checkpoint: ShimmerCheckpoint, is_fusion: bool
) -> None:
    weights = checkpoint.part("selection_mod")
    if weights:
        draft.report(
            "selection_mod", "", f"{count_tensors(weights)}, with no equal here"
        )
        draft.note(
            "selection_mod: attention here reads encodings, not latents, and has one"
            " key for all domains. Fix: train it again."
        )
    option = draft.given(SELECTION) or ("random" if is_fusion else "single")
    draft.report("" if weights else "selection_mod", "workspace.selection", option)
    if option == "random":
        draft.note("workspace.selection: out of training, equal weights and no draw.")
    if is_fusion:
        temperature = "workspace.selection.temperature"
        draft.copy(checkpoint.hyper, "selection_temperature", temperature)


def _draft_activation(draft: Draft, checkpoint: ShimmerCheckpoint) -> None:
    key, name = "workspace.fusion.activation", checkpoint.activation
    if draft.is_given(f"{key}._target_"):
        draft.report("fusion_activation_fn", key, "as you chose")
        return
    if name and name not in ACTIVATIONS:
        raise ConfigError(
            f"{key}: {name!r} is no activation that gwbricks knows. Fix:"
            f" {key}._target_=YOUR.CLASS --trust PACKAGE."
        )
    found = ACTIVATIONS.get(name, "Tanh")
    draft.set(f"{key}._target_", f"torch.nn.{found}")
    theirs = "fusion_activation_fn" if name else ""
    draft.report(theirs, key, found if name else f"{found}, Shimmer's default")


def _draft_contrastive(draft: Draft, checkpoint: ShimmerCheckpoint) -> None:
    key, weights = "workspace.contrastive", checkpoint.part("contrastive")
    is_ranking = weights.keys() == {OF_RANKING}
    draft.choose(CONTRASTIVE, "vse" if is_ranking else "clip")
    if is_ranking and draft.given(CONTRASTIVE) is None:
        draft.report("contrastive_fn", key, "vse")
        draft.note(
            f"{key}: the file does not hold the margin; it is assumed to be 0.2."
        )
        return
    if not takes_scale(draft, checkpoint):
        if weights:
            note = f"{count_tensors(weights)}, of code of yours"
            draft.report("contrastive_fn", "", note)
        draft.report("", key, f"{draft.given(CONTRASTIVE) or 'clip'}, gwbricks' own")
        return
    scale = min(weights["logit_scale"].exp().item(), MAX_SCALE)
    learned = bool(checkpoint.hyper.get("learn_logit_scale", False))
    draft.set(f"{key}.scale", scale)
    draft.set(f"{key}.learn_scale", learned)
    note = f"{scale:.6g}, {'learned' if learned else 'fixed'}"
    draft.report("contrastive_fn.logit_scale", f"{key}.scale", note)


def takes_scale(draft: Draft, checkpoint: ShimmerCheckpoint) -> bool:
    """Whether the contrastive loss takes over the checkpoint's scale."""
    is_known = checkpoint.part("contrastive").keys() == {"logit_scale"}
    return is_known and draft.given(CONTRASTIVE) in (None, "clip", "infonce")


def _draft_coefs(draft: Draft, hyper: Mapping[str, Any], is_fusion: bool) -> None:
    found = hyper.get("loss_coefs")
    coefs = found if isinstance(found, dict) else {}
    kept = {k: v for k, v in coefs.items() if k in KINDS and is_coefficient(v)}
    if not any(kept.values()):
        kept = {kind: 1.0 for kind in KINDS if is_fusion or kind != FUSED}
        draft.note("loss_coefs: assumed, as the file has none above 0.")
    for kind, coef in sorted(kept.items()):
        draft.set(f"loss_coefs.{kind}", coef, is_new=True)
        theirs = f"loss_coefs.{kind}" if kind in coefs else ""
        draft.report(theirs, f"loss_coefs.{kind}", str(coef))
    draft.note("loss_coefs: the objective is their weighted sum, not its mean.")
    for name in sorted(map(str, coefs.keys() - kept.keys())):
        why = "no number of 0 or more" if name in KINDS else "no kind of loss here"
        draft.report(f"loss_coefs.{name}", "", why)
