"""The numbers of a run: by stage, in `metrics.json`, and what a sweep optimises."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gwbricks.errors import ConfigError, suggest
from gwbricks.whole_file import write_whole

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
    """Writes numbers by stage, whole or not at all."""
    write_whole(path, json.dumps(by_stage(results), indent=2) + "\n")


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


def route_of(name: str) -> str:
    """Returns the route that a number belongs to; an empty text if to none."""
    metric, _, route = name.rpartition("/")
    return route if metric and any(word in route for word in ROUTE_WORDS) else ""


def measured(numbers: Results) -> dict[str, dict[str, float]]:
    """Returns the metrics of each route; routes with retrieval come first."""
    routes: dict[str, dict[str, float]] = {}
    for name, value in numbers.items():
        route = route_of(name)
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
        if routes := measured(numbers):
            metrics = [m for m in MEASURED if any(m in v for v in routes.values())]
            rows = [[r, *map(values.get, metrics)] for r, values in routes.items()]
            tables[set_name] = metrics, rows
    return tables
