"""What is logged of a set, such as `val` or `val_ood`."""

import math
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningModule
from torch import Tensor

from gwbricks.errors import DivergedError

LISTED = 3
"""Most losses that a message lists."""


def log_losses(
    module: LightningModule, set_name: str, losses: Mapping[str, float], on_step: bool
) -> None:
    """Logs losses in one call, and the objective in the progress bar.

    Args:
        module: What logs.
        set_name: First part of the logged names.
        losses: Losses by name.
        on_step: Whether they are of the last steps, not of the epoch.

    Raises:
        DivergedError: If one is not finite, but for Lightning's sanity check.
    """
    means = {f"{set_name}/{name}": value for name, value in losses.items()}
    if not module.trainer.sanity_checking:
        check_finite(means, module.trainer.global_step)
    options: dict[str, Any] = {"on_step": on_step, "on_epoch": not on_step}
    options |= {"batch_size": 1, "sync_dist": not on_step}
    loss = f"{set_name}/loss"
    if loss in means:
        shown = not set_name.startswith("test")
        module.log(loss, means.pop(loss), prog_bar=shown, **options)
    module.log_dict(means, **options)


def log_metrics(
    module: LightningModule, set_name: str, metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Logs the metrics that are scalars, and returns the others by logged name.

    Args:
        module: What logs.
        set_name: First part of the logged names.
        metrics: What `BrickCollection.summarize` returned.
    """
    named = {f"{set_name}/{name}": value for name, value in metrics.items()}
    scalars = {
        name: value.float()
        for name, value in named.items()
        if isinstance(value, Tensor) and value.ndim == 0
    }
    module.log_dict(scalars, on_step=False, on_epoch=True, sync_dist=True, batch_size=1)
    return {name: value for name, value in named.items() if name not in scalars}


def check_finite(losses: Mapping[str, float], step: int) -> None:
    """Checks that no loss is NaN or infinite.

    Args:
        losses: Losses by name.
        step: Number of training steps so far.

    Raises:
        DivergedError: If one is.
    """
    bad = sorted(name for name, value in losses.items() if not math.isfinite(value))
    if bad:
        more = f" and {len(bad) - LISTED} more" if len(bad) > LISTED else ""
        raise DivergedError(
            f"{bad[0]} is {losses[bad[0]]} at step {step} (not finite:"
            f" {', '.join(bad[:LISTED])}{more}). Fix: a smaller optimizer.lr, or"
            " trainer.gradient_clip_val=1."
        )
