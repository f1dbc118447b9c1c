"""The numbers of a run, and how they are shown."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

MEASURED = ("r2", "mse", "recall@1", "recall@5")
"""Metrics of routes that are shown, in this order."""

ROUTE_WORDS = ("-to-", "-through-", "-and-")

Results = dict[str, Any]
"""Final numbers: `test/loss: 0.1`; what is no scalar is a list."""


def by_stage(results: Mapping[str, Any]) -> dict[str, Results]:
    """Groups numbers by their stage, as in `metrics.json`.

    Example:
        >>> by_stage({"test/loss": 0.5, "val/loss": 0.4})
        {'test': {'loss': 0.5}, 'val': {'loss': 0.4}}
    """
    stages: dict[str, Results] = {}
    for name in sorted(results):
        stage, _, metric = name.partition("/")
        stages.setdefault(stage, {})[metric] = results[name]
    return stages


def save_results(results: Mapping[str, Any], path: Path) -> None:
    """Writes numbers by stage."""
    path.write_text(json.dumps(by_stage(results), indent=2) + "\n", encoding="utf-8")


def show_results(
    results: Mapping[str, Any], console: Console, stage: str = "test"
) -> None:
    """Prints the numbers of a stage: one table of measured routes, one of the rest.

    Losses of single routes are left to `metrics.json`.

    Args:
        results: Numbers by name.
        console: Where to print.
        stage: The stage.
    """
    numbers = by_stage(results).get(stage, {})
    routes: dict[str, dict[str, float]] = {}
    table = _table(f"{stage}", "metric", "value")
    for name in sorted(numbers, key=lambda name: (name != "loss", name)):
        metric, _, route = name.rpartition("/")
        if metric and any(word in route for word in ROUTE_WORDS):
            if metric in MEASURED:
                routes.setdefault(route, {})[metric] = numbers[name]
        elif isinstance(numbers[name], int | float):
            table.add_row(name, number(numbers[name]))
    if routes:
        console.print(_routes(routes, stage))
    console.print(table)
    for name, value in numbers.items():
        if isinstance(value, list):
            _show_matrix(name, value, console)


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
    retrieved = {route for route, values in routes.items() if "recall@1" in values}
    for route in sorted(
        routes, key=lambda route: (route not in retrieved, len(route), route)
    ):
        values = routes[route]
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
