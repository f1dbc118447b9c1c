"""What the page shows, as plain values."""

import math
from datetime import datetime
from typing import Any

from gwbricks.compare.comparison import Comparison
from gwbricks.compare.keys import RUN, SEED
from gwbricks.compare.page.curves import curve_data
from gwbricks.compare.page.pictures import Album
from gwbricks.compare.rows import Row
from gwbricks.compare.run import ComparedRun
from gwbricks.compare.values import (
    equality_key,
    is_number,
    label,
    MISSING,
    short_names,
    shown,
)


def page_data(comparison: Comparison) -> dict[str, Any]:
    """Returns all that the page shows, without NaN; metrics and runs by index."""
    runs = comparison.runs
    places = {run.place: index for index, run in enumerate(runs)}
    metrics = {metric.name: index for index, metric in enumerate(comparison.known)}
    album = Album(runs)
    first = [metric.name for metric in comparison.metrics]
    return {
        "title": comparison.title,
        "made": datetime.now().strftime("%Y-%m-%d %H:%M"),
        "notes": [*comparison.notes, *comparison.problems],
        "keys": _keys(comparison),
        "metrics": [[metric.name, metric.goal] for metric in comparison.known],
        "shown": [metrics[name] for name in first],
        "rows": [_row(row, places, metrics) for row in comparison.rows],
        "runs": [_run(run, metrics) for run in runs],
        "config": _config(comparison),
        "curves": curve_data(runs, first),
        "pictures": album.places,
        "images": album.images,
        "picturesLeftOut": album.num_left_out,
    }


def _keys(comparison: Comparison) -> list[dict[str, Any]]:
    short = short_names([key.name for key in comparison.keys])
    found = []
    for key in comparison.keys:
        values = [row.values[key.name] for row in comparison.rows]
        numbers = [v for v in values if v is not MISSING and v is not None]
        found.append(
            {
                "name": key.name,
                "short": short[key.name],
                "also": list(key.also),
                "numeric": bool(numbers) and all(map(is_number, numbers)),
            }
        )
    return found


def _row(row: Row, places: dict[str, int], metrics: dict[str, int]) -> dict[str, Any]:
    return {
        "label": label(row.values),
        "values": [_value(value) for value in row.values.values()],
        "runs": [places[run.place] for run in row.runs],
        "averages": {
            metrics[name]: [_plain(a.mean), _plain(a.std), a.num_runs]
            for name, a in row.averages.items()
        },
    }


def _run(run: ComparedRun, metrics: dict[str, int]) -> dict[str, Any]:
    return {
        "name": run.name,
        "place": run.place,
        "status": run.status,
        "error": run.error,
        "seconds": run.seconds,
        "seed": shown((run.config or {}).get(SEED, MISSING)),
        "numbers": {metrics[name]: _plain(n) for name, n in run.numbers.items()},
    }


def _config(comparison: Comparison) -> dict[str, Any]:
    """Returns what all configs share, and for each other key its value by run."""
    shared: dict[str, str] = {}
    differing: dict[str, Any] = {}
    for name, values in sorted(comparison.configs.values.items()):
        if name == RUN:
            continue
        texts: dict[Any, str] = {equality_key(value): _text(value) for value in values}
        if len(texts) == 1:
            shared[name] = next(iter(texts.values()))
            continue
        order = {each: index for index, each in enumerate(texts)}
        places = [order[equality_key(value)] for value in values]
        differing[name] = [list(texts.values()), places]
    return {"shared": shared, "differing": differing}


def _text(value: object) -> str:
    return value if isinstance(value, str) else shown(value)


def _value(value: object) -> float | str:
    """Returns a number as it is, and everything else as text."""
    plain = _plain(value) if is_number(value) else None
    return shown(value) if plain is None else plain


def _plain(value: float | None) -> float | None:
    """Returns seven digits of a number; None for NaN and infinity."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.7g}")
