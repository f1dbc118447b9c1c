"""Runs side by side as CSV."""

import csv
from io import StringIO
from pathlib import Path

from gwbricks.compare.comparison import Comparison
from gwbricks.compare.values import MISSING
from gwbricks.whole_file import write_whole


def write_csv(comparison: Comparison, path: Path, every_metric: bool) -> None:
    """Writes one line a row: keys, runs, and mean and deviation of each metric.

    Numbers have all their digits; what is missing is empty.

    Args:
        comparison: What is written.
        path: The file.
        every_metric: Whether all metrics are written, not only those that are shown.
    """
    metrics = comparison.known if every_metric else comparison.metrics
    names = [metric.name for metric in metrics]
    heads = [head for name in names for head in (name, f"{name} std")]
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*(k.name for k in comparison.keys), "n", "finished", *heads])
    for row in comparison.rows:
        values = [_cell(value) for value in row.values.values()]
        found = [row.averages.get(name) for name in names]
        cells = [cell for a in found for cell in ((a.mean, a.std) if a else ("", ""))]
        counts = [len(row.runs), row.statuses.get("finished", 0)]
        writer.writerow([*values, *counts, *cells])
    write_whole(path, text.getvalue())


def _cell(value: object) -> object:
    if value is MISSING:
        return ""
    return "null" if value is None else value
