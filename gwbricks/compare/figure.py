"""Runs side by side as a picture: each metric against each key."""

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, TYPE_CHECKING

from gwbricks.compare.compared_metrics import Metric
from gwbricks.compare.comparison import Comparison
from gwbricks.compare.keys import ComparedKey, RUN
from gwbricks.compare.rows import best, Row, sort_key
from gwbricks.compare.table import ARROWS
from gwbricks.compare.values import equality_key, is_number, shown
from gwbricks.errors import ConfigError
from gwbricks.whole_file import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_KEYS, MOST_METRICS = 5, 4
WIDTH, HEIGHT = 3.4, 2.6
"""Of one plot, in inches."""

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8a949e"
WIDE = 8
"""Positive numbers this many times apart are drawn on a logarithmic axis."""


def check_matplotlib(path: Path) -> None:
    """Checks that there is something to draw with.

    Raises:
        ConfigError: If matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(
            f"-o: {str(path)!r} needs matplotlib. Fix: pip install 'gwbricks[plot]'."
        )


def write_figure(comparison: Comparison, path: Path) -> None:
    """Draws the mean of every row with its deviation; the best stands out.

    Args:
        comparison: What is drawn: its first metrics and keys.
        path: The file, whose ending says what it becomes.

    Raises:
        ConfigError: If no metric or no key can be drawn.
    """
    keys = [key for key in comparison.keys if key.name != RUN][:MOST_KEYS]
    metrics = comparison.metrics[:MOST_METRICS]
    if not keys or not metrics:
        what = "key differs" if metrics else "run has a number"
        raise ConfigError(f"-o: {str(path)!r}: no {what}, so there is nothing to draw.")
    from matplotlib.figure import Figure

    size = (WIDTH * len(keys), HEIGHT * len(metrics))
    figure = Figure(size, dpi=150, layout="constrained")
    grid = figure.subplots(
        len(metrics), len(keys), squeeze=False, sharex="col", sharey="row"
    )
    for line, metric in zip(grid, metrics, strict=True):
        for axes, key in zip(line, keys, strict=True):
            _plot(axes, comparison.rows, key, metric)
        line[0].set_ylabel(metric.name + ARROWS[metric.goal])
    for axes, key in zip(grid[-1], keys, strict=True):
        axes.set_xlabel(key.name)
    stream = BytesIO()
    figure.savefig(stream, format=path.suffix[1:])
    write_whole(path, stream.getvalue())


def _plot(axes: "Axes", rows: Sequence[Row], key: ComparedKey, metric: Metric) -> None:
    known = [row for row in rows if metric.name in row.averages]
    values = sorted(
        {equality_key(r.values[key.name]): r.values[key.name] for r in rows}.values(),
        key=sort_key,
    )
    place = _places(axes, values)
    marked = best(rows, metric)
    for row in known:
        found = row.averages[metric.name]
        colour = ORANGE if row in marked else BLUE
        axes.errorbar(
            place[equality_key(row.values[key.name])],
            found.mean,
            yerr=found.std,
            fmt="o",
            color=colour,
            markersize=6 if row in marked else 4.5,
            elinewidth=1,
            zorder=3 if row in marked else 2,
        )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)


def _places(axes: "Axes", values: Sequence[Any]) -> dict[Any, float]:
    """Prepares the axis of a key, and returns where its values lie."""
    if all(map(is_number, values)):
        if len(values) > 2 and values[0] > 0 and values[-1] / values[0] >= WIDE:
            axes.set_xscale("log")
        return {equality_key(value): value for value in values}
    axes.set_xticks(range(len(values)), [shown(value) for value in values])
    axes.margins(x=0.2)
    return {equality_key(value): float(place) for place, value in enumerate(values)}
