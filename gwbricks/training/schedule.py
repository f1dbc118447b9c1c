"""Optimizers and learning-rate schedules from partial functions."""

import inspect
import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from gwbricks.errors import ConfigError

LENGTHS = ("total_steps", "T_max", "total_iters")
"""Arguments of schedulers that are the number of steps of the whole run."""

RATES = ("max_lr", "base_lr")
"""Arguments of schedulers that stand for the optimizer's rate."""

MONITOR = "val/loss"


def with_schedule(
    optimizer: Optimizer, scheduler: Callable[..., Any] | None, trainer: Trainer
) -> OptimizerLRScheduler:
    """Returns what Lightning wants to know of an optimizer and its schedule.

    A schedule advances every step; one that waits for a plateau advances after every
    epoch that is validated and watches `val/loss`.

    Args:
        optimizer: The optimizer.
        scheduler: Makes the schedule of an optimizer; None for a constant rate.
        trainer: Knows the run's length.

    Raises:
        ConfigError: See `make_schedule`.
    """
    if scheduler is None:
        return optimizer
    schedule = make_schedule(
        optimizer, scheduler, lambda: trainer.estimated_stepping_batches
    )
    if isinstance(schedule, ReduceLROnPlateau):
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": schedule,
                "interval": "epoch",
                "frequency": trainer.check_val_every_n_epoch or 1,
                "monitor": MONITOR,
            },
        }
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": schedule, "interval": "step"},
    }


def make_schedule(
    optimizer: Optimizer,
    scheduler: Callable[..., Any],
    count_steps: Callable[[], float],
    key: str = "",
) -> Any:  # noqa: ANN401 - torch's schedules have no common base
    """Makes a schedule; what it must know of the run's length is filled in.

    What is given for the optimizer's rate, such as `max_lr`, is scaled for a parameter
    group as the group's own rate is.

    Args:
        optimizer: The optimizer.
        scheduler: Makes the schedule of an optimizer.
        count_steps: Returns the number of steps of the run.
        key: Config key that `scheduler` stands below, with a dot.

    Raises:
        ConfigError: If the schedule needs the length of a run that has no end, or
            rejects its arguments.
    """
    missing = _missing_lengths(scheduler)
    steps = count_steps() if missing else 0
    if math.isinf(steps):
        raise ConfigError(
            f"{key}scheduler.{missing[0]}: the run has no end, so it cannot be filled"
            f" in. Fix: {key}trainer.max_epochs, or +{key}trainer.max_steps."
        )
    lengths = {name: max(1, int(steps)) for name in missing}
    try:
        return scheduler(
            optimizer, **lengths, **_scaled_rates(optimizer, scheduler, key)
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key}scheduler: {error}") from error


def _missing_lengths(scheduler: Callable[..., Any]) -> list[str]:
    given = getattr(scheduler, "keywords", {})
    if given.get("epochs") is not None:
        return []
    parameters = inspect.signature(getattr(scheduler, "func", scheduler)).parameters
    unset = (None, inspect.Parameter.empty)
    return [
        name
        for name in LENGTHS
        if name in parameters and given.get(name, parameters[name].default) in unset
    ]


def _scaled_rates(
    optimizer: Optimizer, scheduler: Callable[..., Any], key: str
) -> dict[str, list[float]]:
    """Returns rates by group, for what is given as one number."""
    rates = [group["lr"] for group in optimizer.param_groups]
    usual = optimizer.defaults.get("lr")
    given = getattr(scheduler, "keywords", {})
    numbers = [name for name in RATES if isinstance(given.get(name), int | float)]
    if not numbers or all(rate == usual for rate in rates):
        return {}
    if not usual:
        raise ConfigError(
            f"{key}scheduler.{numbers[0]}: it cannot be scaled to the rate of each"
            f" parameter group, as {key}optimizer.lr is {usual}. Fix: a rate above 0."
        )
    return {name: [given[name] * rate / usual for rate in rates] for name in numbers}


def has_ended(schedule: object) -> bool:
    """Whether a schedule with a fixed number of steps has made all of them."""
    total = getattr(schedule, "total_steps", None)
    return total is not None and getattr(schedule, "last_epoch", 0) >= total - 1


def warn_of_end(schedules: Iterable[object]) -> None:
    """Warns if a run that goes on has a schedule that has ended."""
    if any(has_ended(schedule) for schedule in schedules):
        warnings.warn(
            "scheduler: it has ended with the run that is resumed, so the learning"
            " rate stays at its last value. Fix: scheduler=null to train on at"
            " optimizer.lr.",
            stacklevel=2,
        )
