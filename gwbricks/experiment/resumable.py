"""Whether a training can go on from a checkpoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.experiment.build import Experiment
from gwbricks.training.checkpoints import load_weights, read_checkpoint
from gwbricks.training.module import CONFIG


def check_resumable(experiment: Experiment, ckpt_path: str, again: bool) -> int:
    """Checks that a training can go on.

    Args:
        experiment: What would go on; its module takes the checkpoint's weights.
        ckpt_path: The checkpoint.
        again: Whether the run goes on in its folder; its epochs may all be behind it.

    Returns:
        How many epochs it has had.

    Raises:
        CheckpointError: If weights, optimizer or schedule do not fit.
        ConfigError: If there is no epoch left.
    """
    checkpoint = read_checkpoint(Path(ckpt_path), "ckpt_path")
    if "state_dict" not in checkpoint or "loops" not in checkpoint:
        raise CheckpointError(
            f"ckpt_path: {ckpt_path!r} has weights but no state of a training."
            " Fix: a checkpoint of a run, such as RUN/checkpoints/last.ckpt."
        )
    load_weights(experiment.module, checkpoint["state_dict"], "ckpt_path")
    before = checkpoint.get(CONFIG) or {}
    for key in ("optimizer", "scheduler"):
        found, wanted = (_target(c.get(key)) for c in (before, experiment.config))
        if wanted is not None and before and found != wanted:
            raise CheckpointError(
                f"ckpt_path: {ckpt_path!r} was trained with {key} {found}, whose state"
                f" does not fit {wanted}. Fix: the {key} of that run."
            )
    _check_same_parameters(experiment, checkpoint, ckpt_path)
    progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]
    epochs = progress["current"]["processed"]
    limit = experiment.config["trainer"].get("max_epochs")
    if limit is not None and 0 <= limit <= epochs and not again:
        raise ConfigError(
            f"trainer.max_epochs: {limit}, and {ckpt_path!r} has {epochs} epochs behind"
            f" it. Fix: more of them, as in trainer.max_epochs={2 * epochs}."
        )
    return epochs


def _check_same_parameters(
    experiment: Experiment, checkpoint: Mapping[str, Any], ckpt_path: str
) -> None:
    groups = experiment.module.make_optimizer().param_groups
    for state in checkpoint.get("optimizer_states", []):
        before, now = _members(state["param_groups"]), _members(groups)
        if before != now:
            raise CheckpointError(
                f"ckpt_path: {ckpt_path!r} was trained with other parameters in the"
                " optimizer, or in one of its groups. Fix: the params of"
                " optimizer.groups, and domains.NAME.trainable, of that run."
            )


def _members(groups: Sequence[Mapping[str, Any]]) -> list[tuple[int, object]]:
    return [(len(group["params"]), group.get("param_names")) for group in groups]


def _target(node: Mapping[str, Any] | None) -> str | None:
    return None if node is None else node.get("_target_")
