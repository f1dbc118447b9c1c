"""What is logged of a set, such as `val` or `val_ood`."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from gwbricks.errors import DivergedError

LISTED = 3
"""Most losses that a message lists."""


def log_steps(module: LightningModule, means: Mapping[str, float], step: int) -> None:
    """Logs means over training steps, and the objective in the progress bar.

    Loggers are given all at once: Lightning's own `log` takes half a millisecond for
    each value, and a workspace of six domains has hundreds of routes.

    Args:
        module: What logs.
        means: Means by logged name, such as `train/loss`.
        step: Number of the step that they are logged at.

    Raises:
        DivergedError: If one is not finite.
    """
    if not means:
        return
    trainer = module.trainer
    check_finite(means, trainer.global_step)
    if "train/loss" in means and trainer.progress_bar_callback is not None:
        loss = means["train/loss"]
        module.log("train/loss", loss, prog_bar=True, logger=False, batch_size=1)
    scalars = torch.tensor([*means.values()]).unbind()
    trainer.callback_metrics.update(zip(means, scalars, strict=True))
    for logger in trainer.loggers:
        row = {**means, "epoch": trainer.current_epoch}
        logger.log_metrics(row, step=step)
        logger.save()


def log_losses(
    module: LightningModule, set_name: str, losses: Mapping[str, float]
) -> None:
    """Logs the losses of an epoch in one call, and the objective in the progress bar.

    Args:
        module: What logs.
        set_name: First part of the logged names.
        losses: Losses by name.

    Raises:
        DivergedError: If one is not finite, but for Lightning's sanity check.
    """
    means = {f"{set_name}/{name}": value for name, value in losses.items()}
    if not module.trainer.sanity_checking:
        check_finite(means, module.trainer.global_step)
    options: dict[str, Any] = {"on_step": False, "on_epoch": True}
    options |= {"batch_size": 1, "sync_dist": True}
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
