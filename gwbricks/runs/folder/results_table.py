"""The numbers of a run as tables for people."""

import math
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gwbricks.runs.folder.results import (
    by_stage,
    is_of,
    MEASURED,
    measured,
    Results,
    route_of,
)


def show_results(
    results: Mapping[str, Any], console: Console, stage: str = "test"
) -> None:
    """Prints the numbers of a stage: measured routes of each set, and one table of all.

    Losses of single routes are left to `metrics.json`.

    Args:
        results: Numbers by name.
        console: Where to print.
        stage: The stage.
    """
    sets = {name: n for name, n in by_stage(results).items() if is_of(stage, name)}
    names = sorted({name for numbers in sets.values() for name in numbers})
    table = _table(stage, "metric", *(["value"] if len(sets) < 2 else sets))
    for name in sorted(names, key=lambda name: (name != "loss", name)):
        values = [numbers.get(name, "") for numbers in sets.values()]
        if not route_of(name) and not any(isinstance(v, list) for v in values):
            table.add_row(name, *(number(v) if v != "" else "" for v in values))
    for set_name, numbers in sets.items():
        _show_routes(numbers, set_name, console)
    console.print(table)
    for set_name, numbers in sets.items():
        prefix = "" if set_name == stage else f"{set_name}/"
        for name, value in numbers.items():
            if isinstance(value, list):
                _show_matrix(f"{prefix}{name}", value, console)


def _show_routes(numbers: Results, set_name: str, console: Console) -> None:
    if routes := measured(numbers):
        console.print(_routes(routes, set_name))


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD
    )
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    return table


def _routes(routes: Mapping[str, Mapping[str, float]], stage: str) -> Table:
    metrics = [
        metric for metric in MEASURED if any(metric in v for v in routes.values())
    ]
    table = _table(f"{stage}, by route", "route", *metrics)
    for route, values in routes.items():
        table.add_row(
            route, *(number(values[m]) if m in values else "" for m in metrics)
        )
    return table


def _show_matrix(name: str, rows: list[Any], console: Console) -> None:
    table = Table(
        title=name,
        title_justify="left",
        title_style="bold",
        show_header=False,
        box=None,
    )
    for row in rows if isinstance(rows[0], list) else [rows]:
        table.add_row(*(number(value) for value in row))
    console.print(table)


def number(value: float) -> str:
    """Returns a number with four significant digits.

    Example:
        >>> number(0.123456), number(12), number(1234.5)
        ('0.1235', '12', '1234')
    """
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
