"""Makes a run folder of a checkpoint of Shimmer."""

from collections.abc import Collection, Sequence
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gwbricks.config.compose import compose
from gwbricks.config.saved import masked_overrides, saved_config
from gwbricks.experiment.build import Experiment
from gwbricks.formats import CHECKPOINT, NOTED_IN_CHECKPOINT
from gwbricks.import_shimmer.checkpoint import ShimmerCheckpoint
from gwbricks.import_shimmer.config_draft import Draft
from gwbricks.import_shimmer.domains import draft_domain, has_own_module
from gwbricks.import_shimmer.workspace import (
    draft_training,
    draft_workspace,
    takes_scale,
)
from gwbricks.print_line import print_line
from gwbricks.quiet_libraries import quiet_libraries
from gwbricks.runs.check import check
from gwbricks.runs.folder.run_folder import RunFolder
from gwbricks.training.checkpoints import load_weights
from gwbricks.training.module import CONFIG
from gwbricks.whole_file import whole_file

CONTRAST = "gw.contrast.model.loss"
"""Where the graph has its contrastive loss."""


def import_shimmer(
    path: Path, overrides: Sequence[str] = (), trusted: Collection[str] = ()
) -> Path:
    """Makes a run folder of a checkpoint of Shimmer, and prints what became of it.

    No code of the file runs. The folder is one of a run that trained nothing: it can be
    evaluated, exported, and be where bricks are from.

    Args:
        path: A Lightning checkpoint of a Global Workspace, or its state dict.
        overrides: Changes of the config that is found, such as `data=tensors`.
        trusted: See `resolve_target`.

    Returns:
        The run folder.

    Raises:
        CheckpointError: If the file cannot be read, or its weights do not fit.
        ConfigError: If the config has mistakes, or parts of the workspace are unknown.
    """
    checkpoint = ShimmerCheckpoint(path)
    draft = Draft(overrides)
    draft.choose("experiment", "null")
    draft.choose("bricks", "[gw,route_metrics]", is_new=True)
    for name in checkpoint.domains:
        draft_domain(draft, checkpoint, name)
    draft_workspace(draft, checkpoint)
    draft_training(draft, checkpoint)
    _draft_data(draft, checkpoint)
    _report_rest(draft, checkpoint)
    cfg = compose(draft.overrides())
    with quiet_libraries():
        experiment = check(cfg, trusted)
        _load(experiment, draft, checkpoint)
    folder = _save(cfg, experiment, path, draft)
    console = Console()
    show_report(draft, console)
    print_line(console, f"run folder: {folder}")
    return folder


def _draft_data(draft: Draft, checkpoint: ShimmerCheckpoint) -> None:
    sizes = [
        f"{name}:${{domains.{name}.{_data_dim(draft, name)}}}"
        for name in checkpoint.domains
    ]
    draft.choose("data", "vectors")
    draft.set("data.sizes", f"{{{','.join(sizes)}}}")
    if not draft.is_given("data"):
        draft.note(
            "data: random numbers stand in. Yours: data=tensors data.files=FILE.npz."
        )


def _data_dim(draft: Draft, name: str) -> str:
    return "data_dim" if draft.is_given(f"domain@domains.{name}") else "latent_dim"


def _report_rest(draft: Draft, checkpoint: ShimmerCheckpoint) -> None:
    if checkpoint.copies:
        draft.report("loss_mod", "", f"{checkpoint.copies} copies of the tensors above")
    for name in checkpoint.unknown:
        draft.report(name, "", "unknown")


def _load(experiment: Experiment, draft: Draft, checkpoint: ShimmerCheckpoint) -> None:
    for name, domain in experiment.domains.items():
        for part in ("encoder", "decoder"):
            weights = checkpoint.part(f"{part}s.{name}")
            load_weights(getattr(domain, part), weights, f"domains.{name}.{part}")
        weights = checkpoint.part(f"domain_mods.{name}")
        if weights and has_own_module(draft, name):
            load_weights(domain.module, weights, f"domains.{name}.module")
    if takes_scale(draft, checkpoint):
        scale = checkpoint.part("contrastive")["logit_scale"].reshape(())
        loss = experiment.module.brick_collection.get_submodule(CONTRAST)
        load_weights(loss, {"log_scale": scale}, "workspace.contrastive")


def _save(cfg: DictConfig, experiment: Experiment, path: Path, draft: Draft) -> Path:
    outputs = Path(experiment.config["paths"]["outputs"])
    folder = RunFolder.create(outputs / "imported", path.stem)
    OmegaConf.update(cfg, "paths.run", str(folder.path))
    saved = saved_config(cfg)
    folder.start(saved, masked_overrides(draft.overrides()))
    table = [row._asdict() for row in draft.rows]
    report = {"file": str(path), "table": table, "notes": draft.notes}
    folder.write_json("import.json", report)
    best = folder.path / "checkpoints" / "best.ckpt"
    best.parent.mkdir()
    weights = experiment.module.state_dict()
    content = {NOTED_IN_CHECKPOINT: CHECKPOINT, CONFIG: saved, "state_dict": weights}
    with whole_file(best) as made:
        torch.save(content, made)
    folder.finish("finished")
    return folder.path


def show_report(draft: Draft, console: Console) -> None:
    """Prints what was taken over, what was not, and why."""
    table = Table(box=SIMPLE_HEAD)
    for column in ("Shimmer", "gwbricks", ""):
        table.add_column(column, overflow="fold")
    for row in draft.rows:
        table.add_row(*(escape(text) or "-" for text in row[:2]), escape(row.note))
    console.print(table)
    for note in draft.notes:
        print_line(console, note)
