"""Learning curves: read from `metrics.csv`, and reduced to few points."""

import csv
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

MOST_POINTS = 160
"""Most points of a curve that are kept: more than a screen shows of one."""

NO_CURVES = ("epoch", "step")
"""Columns that say where a curve is, and are none."""


class Curve(NamedTuple):
    """What was logged under one name.

    Args:
        steps: Steps of training, of shape `(points,)`.
        values: The values, of shape `(points,)`.
    """

    steps: np.ndarray
    values: np.ndarray


def read_curves(path: Path) -> dict[str, Curve]:
    """Reads the columns of `metrics.csv` as curves of few points.

    Raises:
        ValueError: If a value is no number.
    """
    # the last line of a run that is being written may be half of one
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    names, *rows = list(csv.reader(lines)) or [[]]
    if "step" in names:
        place = names.index("step")
        rows = [row for row in rows if len(row) > place and row[place]]
    columns = dict(zip(names, zip_longest(*rows, fillvalue=""), strict=False))
    steps = np.array([float(step) for step in columns.get("step", range(len(rows)))])
    curves = {}
    for name, column in columns.items():
        values = np.array(list(map(float, filter(None, column))))
        if len(values) and name not in NO_CURVES:
            logged = slice(None)
            if len(values) < len(column):
                logged = [index for index, value in enumerate(column) if value]
            curves[name] = thin(Curve(steps[logged], values))
    return curves


def thin(curve: Curve, points: int = MOST_POINTS) -> Curve:
    """Keeps evenly spaced points of a curve, and its lowest and highest.

    Example:
        >>> thin(Curve(np.arange(9), np.array([0, 0, 0, 9, 0, 0, 0, 0, 1.0])), 3)
        Curve(steps=array([0, 3, 4, 8]), values=array([0., 9., 0., 1.]))
    """
    size = len(curve.steps)
    if size <= points:
        return curve
    kept = np.linspace(0, size - 1, points).round().astype(int)
    if np.isfinite(curve.values).any():
        extremes = int(np.nanargmin(curve.values)), int(np.nanargmax(curve.values))
        kept = sorted({*kept.tolist(), *extremes})
    return Curve(curve.steps[kept], curve.values[kept])
