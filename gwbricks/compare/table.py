"""Runs side by side in the terminal."""

import math
from collections.abc import Sequence
from statistics import median_low

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from gwbricks.compare.compared_metrics import Metric
from gwbricks.compare.comparison import Comparison
from gwbricks.compare.rows import Average, best, count_statuses, Row
from gwbricks.compare.values import shown
from gwbricks.print_line import print_line
from gwbricks.runs.folder.results_table import number

ARROWS = {"min": " ↓", "max": " ↑", None: ""}

MOST_CAUSES = 10
"""Most failed runs that are told one by one."""


def show_table(comparison: Comparison, console: Console) -> None:
    """Prints one line a row, the best marked, and why runs failed."""
    print_line(console, headline(comparison))
    metrics = list(comparison.metrics)
    table = _table(comparison, metrics)
    while len(metrics) > 1 and not comparison.asked and _room(table, console) < 0:
        metrics.pop()
        table = _table(comparison, metrics)
    console.print(table)
    for line in _notes(comparison, metrics):
        print_line(console, line)


def _room(table: Table, console: Console) -> int:
    """Returns how many columns of the terminal the table leaves; below 0, it is cut."""
    # measured at the console's own width, no table would be too wide
    unlimited = console.options.update(max_width=10_000)
    return console.width - Measurement.get(console, unlimited, table).maximum


def headline(comparison: Comparison) -> str:
    """Returns how many runs there are, in one line."""
    counts = count_statuses(comparison.runs)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    runs, rows = len(comparison.runs), len(comparison.rows)
    return (
        f"{comparison.title}: {runs} run{'s' * (runs != 1)} ({told}),"
        f" {rows} setting{'s' * (rows != 1)}"
    )


def _table(comparison: Comparison, metrics: Sequence[Metric]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for key in comparison.keys:
        owner, dot, name = key.name.rpartition(".")
        table.add_column(escape(f"{owner}{dot}\n{name}"), vertical="bottom")
    table.add_column("\nn", justify="right")
    columns = []
    for metric in metrics:
        *stage, name = metric.name.split("/", 1)
        head = escape("/".join([*stage, f"\n{name}"])) + ARROWS[metric.goal]
        table.add_column(head, justify="right", no_wrap=True)
        found = [row.averages.get(metric.name) for row in comparison.rows]
        decimals = decimals_of([average for average in found if average])
        marked = best(comparison.rows, metric)
        columns.append(
            [
                _cell(average, decimals, row in marked)
                for row, average in zip(comparison.rows, found, strict=True)
            ]
        )
    for index, row in enumerate(comparison.rows):
        cells = [escape(shown(value)) for value in row.values.values()]
        cells.append(_run_count(row))
        table.add_row(*cells, *(column[index] for column in columns))
    return table


def _run_count(row: Row) -> str:
    others = {n: c for n, c in row.statuses.items() if n != "finished"}
    told = ", ".join(f"{count} {status}" for status, count in others.items())
    return f"({escape(told)})  {len(row.runs)}" if told else str(len(row.runs))


def _cell(found: Average | None, decimals: int | None, is_best: bool) -> str:
    if found is None:
        return "-"
    text = plus_minus(found, decimals)
    return f"[bold green]{text} *[/]" if is_best else f"{text}  "


def decimals_of(averages: Sequence[Average]) -> int | None:
    """Returns how many decimals a column has, for two digits of a usual deviation.

    Example:
        >>> decimals_of([Average(0.95, 0.0031, 3), Average(0.9, 0.012, 3)])
        4
        >>> decimals_of([Average(0.95, None, 1)])
    """
    stds = [a.std for a in averages if a.std and math.isfinite(a.std)]
    if not stds:
        return None
    return min(6, max(0, 1 - math.floor(math.log10(median_low(stds)))))


def plus_minus(value: Average, decimals: int | None) -> str:
    """Returns mean and deviation.

    Example:
        >>> plus_minus(Average(0.9575, 0.0031, 3), 4)
        '0.9575 ± 0.0031'
        >>> plus_minus(Average(2, None, 1), 1)
        '2.0'
    """
    numbers = [value.mean] if value.std is None else [value.mean, value.std]
    if decimals is None or not all(map(math.isfinite, numbers)):
        return " ± ".join(map(number, numbers))
    return " ± ".join(f"{each:.{decimals}f}" for each in numbers)


def _notes(comparison: Comparison, metrics: Sequence[Metric]) -> Sequence[str]:
    lines = []
    if any(row.averages for row in comparison.rows):
        lines.append(
            "mean ± standard deviation over those of the n runs that finished; * best"
        )
    lines += comparison.notes
    further = len(comparison.known) - len(metrics)
    if further:
        lines.append(f"{further} more metrics: --metric NAME, or the page")
    failed = [run for run in comparison.runs if run.error]
    lines += [f"{run.status}: {run.name}: {first_line(run.error)}" for run in failed][
        :MOST_CAUSES
    ]
    if len(failed) > MOST_CAUSES:
        lines.append(f"and {len(failed) - MOST_CAUSES} more that did not finish")
    return [*lines, *comparison.problems]


def first_line(error: str | None) -> str:
    """Returns the first line of an error."""
    return (error or "").strip().partition("\n")[0]
