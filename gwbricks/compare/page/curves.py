"""Learning curves as the page holds them: four digits, and shared steps once."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gwbricks.compare.run import ComparedRun

MOST_POINTS = 400_000
"""Most points of all curves in a page: a few megabytes."""


def curve_data(runs: Sequence[ComparedRun], first: Sequence[str]) -> dict[str, Any]:
    """Returns curves by name and run.

    Args:
        runs: The runs.
        first: Names that matter most. If there are too many points, curves of other
            names are left out, those of routes first.

    Returns:
        `steps`, lists that curves share; `byName`, with index of steps and values by
        run; and the number of names that were left out.
    """
    names = sorted({name for run in runs for name in run.curves}, key=_order(first))
    steps: dict[tuple[int, ...], int] = {}
    curves: dict[str, dict[int, list[Any]]] = {}
    room = MOST_POINTS
    for count, name in enumerate(names):
        room -= sum(len(run.curves[name].steps) for run in runs if name in run.curves)
        if room < 0:
            return _data(steps, curves, len(names) - count)
        curves[name] = {}
        for index, run in enumerate(runs):
            if name in run.curves:
                curve = run.curves[name]
                key = tuple(curve.steps.astype(int).tolist())
                place = steps.setdefault(key, len(steps))
                curves[name][index] = [place, _short(curve.values)]
    return _data(steps, curves, 0)


def _data(steps: Any, curves: Any, left_out: int) -> dict[str, Any]:  # noqa: ANN401
    return {"steps": list(steps), "byName": curves, "leftOut": left_out}


def _order(first: Sequence[str]) -> Any:  # noqa: ANN401 - a key for sorting
    return lambda name: (
        name not in first,
        not name.endswith("/loss"),
        name.count("/"),
        name,
    )


def _short(values: np.ndarray) -> Sequence[float | None]:
    """Returns four digits of each value; None for NaN and infinity."""
    short = list(map(float, map("%.4g".__mod__, values.tolist())))
    if np.isfinite(values).all():
        return short
    return [value if math.isfinite(value) else None for value in short]
