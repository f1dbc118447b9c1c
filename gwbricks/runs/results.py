"""The numbers of a run, and how they are shown."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gwbricks.errors import ConfigError, suggest

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


def is_of(stage: str, set_name: str) -> bool:
    """Whether a set, such as `test_ood`, is evaluated in a stage.

    Example:
        >>> is_of("test", "test"), is_of("test", "test_ood"), is_of("val", "test_ood")
        (True, True, False)
    """
    return set_name == stage or set_name.startswith(f"{stage}_")


def read_results(path: Path) -> Results:
    """Reads what `save_results` wrote.

    Raises:
        OSError: If there is no such file.
    """
    stages = json.loads(path.read_text(encoding="utf-8"))
    return {
        f"{stage}/{k}": v for stage, found in stages.items() for k, v in found.items()
    }


def optimized_metric(results: Mapping[str, Any], metric: str) -> float:
    """Returns the number that a sweep optimises.

    Args:
        results: Final numbers by name.
        metric: What `sweep.metric` says.

    Raises:
        ConfigError: If the run has no such number.
    """
    if metric not in results:
        raise ConfigError(
            f"sweep.metric: the run has no {metric!r}.{suggest(metric, results)}"
        )
    return float(results[metric])


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
        if not _route_of(name) and not any(isinstance(v, list) for v in values):
            table.add_row(name, *(number(v) if v != "" else "" for v in values))
    for set_name, numbers in sets.items():
        _show_routes(numbers, set_name, console)
    console.print(table)
    for set_name, numbers in sets.items():
        prefix = "" if set_name == stage else f"{set_name}/"
        for name, value in numbers.items():
            if isinstance(value, list):
                _show_matrix(f"{prefix}{name}", value, console)


def _route_of(name: str) -> str:
    metric, _, route = name.rpartition("/")
    return route if metric and any(word in route for word in ROUTE_WORDS) else ""


def _show_routes(numbers: Results, set_name: str, console: Console) -> None:
    if routes := _measured(numbers):
        console.print(_routes(routes, set_name))


def _measured(numbers: Results) -> dict[str, dict[str, float]]:
    """Returns what was measured of each route, those with retrieval first."""
    routes: dict[str, dict[str, float]] = {}
    for name, value in numbers.items():
        route = _route_of(name)
        metric = name.removesuffix(f"/{route}")
        if route and metric in MEASURED:
            routes.setdefault(route, {})[metric] = value
    retrieved = {route for route, values in routes.items() if "recall@1" in values}
    order = sorted(routes, key=lambda r: (r not in retrieved, len(r), r))
    return {route: routes[route] for route in order}


def route_tables(
    results: Mapping[str, Any],
) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """Returns the measured metrics of routes of each set: their names, and rows.

    Example:
        >>> route_tables({"test/r2/v-to-t": 0.5, "test/mse/v-to-t": 1.0, "val/loss": 2})
        {'test': (['r2', 'mse'], [['v-to-t', 0.5, 1.0]])}
    """
    tables = {}
    for set_name, numbers in by_stage(results).items():
        if routes := _measured(numbers):
            metrics = [m for m in MEASURED if any(m in v for v in routes.values())]
            rows = [[r, *map(values.get, metrics)] for r, values in routes.items()]
            tables[set_name] = metrics, rows
    return tables


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
