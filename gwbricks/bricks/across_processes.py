"""What the processes of a training tell one another."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import distributed
from torchmetrics import Metric, MetricCollection
from torchmetrics.utilities import (
    dim_zero_cat,
    dim_zero_max,
    dim_zero_mean,
    dim_zero_min,
    dim_zero_sum,
)

REDUCTIONS: dict[Callable[..., Any], str] = {
    dim_zero_cat: "cat",
    dim_zero_max: "max",
    dim_zero_mean: "mean",
    dim_zero_min: "min",
    dim_zero_sum: "sum",
}
"""Names by which `Metric.add_state` knows its ways to join states."""


def gather(value: Any) -> list[Any]:  # noqa: ANN401 - anything that can be pickled
    """Returns the values of all processes that train together, in their order.

    Example:
        >>> gather(3)
        [3]
    """
    if count_processes() == 1:
        return [value]
    values: list[Any] = [None] * count_processes()
    distributed.all_gather_object(values, value)
    return values


def count_processes() -> int:
    """Returns how many processes train together."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 1
    return distributed.get_world_size()


def joined(metrics: MetricCollection) -> MetricCollection | None:
    """Returns metrics of what all processes have seen; None if none has seen a batch.

    Processes need not have seen the same: what one lacks does not count, and states may
    come into being with the batches. torchmetrics' own way waits for a process that has
    no batch, and takes one state for another where they came into being in turn.

    Args:
        metrics: What this process has gathered; it is left as it is, so that it can go
            on.
    """
    if count_processes() == 1:
        return metrics if _is_updated(metrics) else None
    seen = [seen for seen in gather(_seen(metrics)) if seen]
    if not seen:
        return None
    metrics = metrics.clone()
    for path, metric in _parts(metrics):
        known = [states[path] for states in seen if path in states]
        # else it would join its states once more, or give a number of before
        metric._to_sync, metric._computed = False, None
        metric._update_count = len(known)  # of 0, torchmetrics warns
        for name in sorted({name for states in known for name in states}):
            _join(metric, name, [states[name] for states in known if name in states])
    return metrics


class _State(NamedTuple):
    value: Any
    default: Any
    reduction: str | None


def _seen(metrics: MetricCollection) -> dict[str, dict[str, _State]]:
    if not _is_updated(metrics):
        return {}
    return {path: _states(metric) for path, metric in _parts(metrics)}


def _is_updated(metrics: MetricCollection) -> bool:
    return any(metric.update_called for metric in metrics.values())


def _parts(metrics: MetricCollection) -> list[tuple[str, Metric]]:
    """Returns the metrics, and those inside of them, by path."""
    return [
        (f"{name}.{path}", part)
        for name, metric in sorted(metrics.items())
        for path, part in metric.named_modules()
        if isinstance(part, Metric)
    ]


def _states(metric: Metric) -> dict[str, _State]:
    return {
        name: _State(
            _off_device(getattr(metric, name)),
            _off_device(default),
            REDUCTIONS.get(metric._reductions[name]),  # pyright: ignore[reportArgumentType] - None is no key
        )
        for name, default in metric._defaults.items()
    }


def _off_device(value: Any) -> Any:  # noqa: ANN401 - a tensor or a list of tensors
    """Returns it on the CPU: unpickled elsewhere, it would be on this one's device."""
    return [x.cpu() for x in value] if isinstance(value, list) else value.cpu()


def _join(metric: Metric, name: str, states: list[_State]) -> None:
    if name not in metric._defaults:  # it came into being in other processes only
        default = states[0].default
        metric.add_state(name, default, dist_reduce_fx=states[0].reduction)
    reduction: Any = metric._reductions[name]
    values = [state.value for state in states]
    if isinstance(values[0], list):
        rows = [row.to(metric.device) for value in values for row in value]
        whole = reduction(rows) if rows and reduction is not None else rows
    else:
        stacked = torch.stack(values).to(metric.device)
        whole = stacked if reduction is None else reduction(stacked)
    setattr(metric, name, whole)


def reduced(sums: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Returns the mean of each value over all processes.

    Args:
        sums: Sum and weight by name; processes may have different names.

    Example:
        >>> reduced({"loss": (6.0, 3.0)})
        {'loss': 2.0}
    """
    totals: dict[str, tuple[float, float]] = {}
    for found in gather(dict(sums)):
        for name, (value, weight) in found.items():
            total, weights = totals.get(name, (0.0, 0.0))
            totals[name] = total + value, weights + weight
    return {name: value / weight for name, (value, weight) in totals.items()}
