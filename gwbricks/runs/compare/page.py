"""Runs side by side as one HTML page that needs nothing else."""

import json
import math
from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from gwbricks.runs.compare.comparison import Comparison
from gwbricks.runs.compare.keys import (
    identity,
    is_number,
    label,
    MISSING,
    short_names,
    shown,
)
from gwbricks.runs.compare.page_curves import curve_data
from gwbricks.runs.compare.pictures import Album

SCRIPTS = (
    *("dom", "data", "colours", "filter", "scales", "table", "curves", "keys"),
    *("parallel", "difference", "pictures", "main"),
)
"""Parts of the page's script, in this order."""


def write_page(comparison: Comparison, path: Path) -> None:
    """Writes the page.

    Names, values and errors of runs stay text: they lie in the page as JSON, and its
    content security policy runs no script but the page's own.

    Args:
        comparison: What is shown.
        path: The file.
    """
    folder = files("gwbricks.runs.compare") / "page"
    script = "".join((folder / f"{n}.js").read_text(encoding="utf-8") for n in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    style = (folder / "style.css").read_text(encoding="utf-8")
    parts = {
        "TITLE": escape(comparison.title),
        "SCRIPT_HASH": _hash(script),
        "STYLE_HASH": _hash(style),
        "STYLE": style,
        "DATA": _json(page_data(comparison)),
        "SCRIPT": script,
    }
    head, *rest = (folder / "page.html").read_text(encoding="utf-8").split("{{")
    text = [head]
    for piece in rest:
        name, _, after = piece.partition("}}")
        text += [parts[name], after]
    path.write_text("".join(text), encoding="utf-8")


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _json(data: object) -> str:
    """Returns JSON that can stand inside a script element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def page_data(comparison: Comparison) -> dict[str, Any]:
    """Returns all that the page shows, as plain values without NaN."""
    runs, rows = comparison.runs, comparison.rows
    numbering = {run.place: index for index, run in enumerate(runs)}
    metrics = {metric.name: i for i, metric in enumerate(comparison.known)}
    album = Album(runs)
    first = [metric.name for metric in comparison.metrics]
    return {
        "title": comparison.title,
        "made": datetime.now().strftime("%Y-%m-%d %H:%M"),
        "problems": list(comparison.problems),
        "averaged": comparison.averaged,
        "keys": _keys(comparison),
        "metrics": [[metric.name, metric.goal] for metric in comparison.known],
        "shown": [metrics[name] for name in first],
        "rows": [
            {
                "label": label(row.values),
                "values": [_value(value) for value in row.values.values()],
                "runs": [numbering[run.place] for run in row.runs],
                "averages": {
                    metrics[name]: [_plain(a.mean), _plain(a.std), a.num_runs]
                    for name, a in row.averages.items()
                },
            }
            for row in rows
        ],
        "runs": [
            {
                "name": run.name,
                "place": run.place,
                "status": run.status,
                "error": run.error,
                "seconds": run.seconds,
                "seed": shown((run.config or {}).get("seed", MISSING)),
                "numbers": {metrics[n]: _plain(v) for n, v in run.numbers.items()},
            }
            for run in runs
        ],
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


def _config(comparison: Comparison) -> dict[str, Any]:
    """Returns what all configs share, and for each other key its value by run."""
    shared: dict[str, str] = {}
    differing: dict[str, Any] = {}
    for name, values in sorted(comparison.configs.values.items()):
        texts: dict[Any, str] = {identity(value): _text(value) for value in values}
        if len(texts) == 1:
            shared[name] = next(iter(texts.values()))
            continue
        order = {each: index for index, each in enumerate(texts)}
        places = [order[identity(value)] for value in values]
        differing[name] = [list(texts.values()), places]
    return {"shared": shared, "differing": differing}


def _text(value: object) -> str:
    return value if isinstance(value, str) else shown(value)


def _value(value: object) -> float | str:
    """Returns a number as it is, and everything else as text."""
    return _plain(value) if is_number(value) else shown(value)  # pyright: ignore


def _plain(value: float | None) -> float | None:
    """Returns seven digits of a number; None if JSON has no word for it."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.7g}")
