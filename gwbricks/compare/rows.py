"""Groups runs that differ in nothing but their seed, and averages their numbers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

from gwbricks.compare.compared_metrics import Metric
from gwbricks.compare.keys import ComparedKey, Configs
from gwbricks.compare.run import ComparedRun, STATUSES
from gwbricks.compare.values import equality_key, is_number


class Average(NamedTuple):
    """A number over several runs.

    Args:
        mean: Its mean.
        std: Its standard deviation, with n - 1; None for one run.
        num_runs: Number of runs.
    """

    mean: float
    std: float | None
    num_runs: int


@dataclass(frozen=True, eq=False)
class Row:
    """Runs that share their values of some keys.

    Args:
        values: The values by key.
        runs: The runs.
        averages: By metric, over the finished runs that have it.
    """

    values: Mapping[str, Any]
    runs: Sequence[ComparedRun]
    averages: Mapping[str, Average]

    @property
    def statuses(self) -> dict[str, int]:
        """How many runs have each status."""
        return count_statuses(self.runs)


def count_statuses(runs: Sequence[ComparedRun]) -> dict[str, int]:
    """Returns how many runs have each status, finished ones first."""
    found = Counter(run.status for run in runs)
    order = dict.fromkeys([*STATUSES, *sorted(found)])
    return {status: found[status] for status in order if found[status]}


def average(values: Sequence[float]) -> Average:
    """Returns the mean and standard deviation of some numbers.

    Example:
        >>> average([1.0, 2.0, 3.0])
        Average(mean=2.0, std=1.0, num_runs=3)
    """
    mean, count = fmean(values), len(values)
    if count < 2:
        return Average(mean, None, count)
    squares = sum((value - mean) ** 2 for value in values)
    return Average(mean, math.sqrt(squares / (count - 1)), count)


def group(
    runs: Sequence[ComparedRun], configs: Configs, keys: Sequence[ComparedKey]
) -> list[Row]:
    """Returns one row for each setting of the keys, in their order.

    Args:
        runs: The runs.
        configs: Their configs.
        keys: What tells rows apart; without any, every run is a row.
    """
    groups: dict[Any, list[int]] = {}
    for index in range(len(runs)):
        values = [configs.values[key.name][index] for key in keys]
        groups.setdefault(tuple(map(equality_key, values)), []).append(index)
    rows = []
    for indices in groups.values():
        values = {key.name: configs.values[key.name][indices[0]] for key in keys}
        rows.append(make_row(values, [runs[index] for index in indices]))
    return sorted(rows, key=lambda row: [sort_key(v) for v in row.values.values()])


def make_row(values: Mapping[str, Any], runs: Sequence[ComparedRun]) -> Row:
    """Averages the numbers of the runs that have finished."""
    found: dict[str, list[float]] = {}
    for run in runs:
        if run.finished:
            for name, value in run.numbers.items():
                found.setdefault(name, []).append(value)
    return Row(values, runs, {name: average(each) for name, each in found.items()})


def sort_key(value: object) -> tuple[bool, float, str]:
    """Returns a key that sorts values of all kinds: numbers first, then by name."""
    if is_number(value):
        return False, float(value), ""
    return True, 0.0, str(value)


def ranked(rows: Sequence[Row], metric: Metric | None) -> list[Row]:
    """Returns the rows with the best first; those without the metric come last."""
    if metric is None or metric.goal is None:
        return list(rows)
    sign = 1 if metric.goal == "min" else -1

    def rank(row: Row) -> tuple[bool, float]:
        found = row.averages.get(metric.name)
        if found is None or math.isnan(found.mean):
            return True, 0.0
        return False, sign * found.mean

    return sorted(rows, key=rank)


def best(rows: Sequence[Row], metric: Metric) -> list[Row]:
    """Returns the rows with the best mean; none if there is nothing to choose from."""
    found = [
        row
        for row in rows
        if metric.name in row.averages and math.isfinite(row.averages[metric.name].mean)
    ]
    if metric.goal is None or len(found) < 2:
        return []
    choose = min if metric.goal == "min" else max
    target = choose(row.averages[metric.name].mean for row in found)
    return [row for row in found if row.averages[metric.name].mean == target]
