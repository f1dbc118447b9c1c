"""Reads a group of runs from W&B."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from gwbricks.compare.curves import Curve, NO_CURVES, thin
from gwbricks.compare.run import ComparedRun, flat_config, scalars
from gwbricks.errors import ConfigError

STATUSES = {"crashed": "failed", "killed": "interrupted", "preempted": "interrupted"}
"""What gwbricks calls statuses for which W&B has other words."""

STEP, OWN_STEP = "trainer/global_step", "_step"
NO_NUMBERS = (STEP, *NO_CURVES)

STUDY = "study"
"""Job type of the run that shows a search; it trained nothing."""

BEST = "best/"
"""Start of names in the summary whose numbers are of the best weights."""

SAMPLES = 1_000
"""Most rows of a run's history that are asked for."""

PER_PAGE = 100
CONNECTIONS = 8


def read_wandb(address: str) -> list[ComparedRun]:
    """Reads runs through W&B's public API.

    Args:
        address: `wandb:entity/project/group`, or `wandb:entity/project` for all runs.

    Raises:
        ConfigError: If nobody is logged in, or W&B has no such runs.
    """
    entity, project, group = _parts(address)
    import wandb

    try:
        if not wandb.login(prompt=False, verify=False):
            raise ConfigError(f"{address}: not logged in to W&B. Fix: wandb login.")
        filters = {"group": group} if group else {}
        # lazy runs would be asked for one by one when their config is read
        found = list(
            wandb.Api().runs(
                f"{entity}/{project}", filters, per_page=PER_PAGE, lazy=False
            )
        )
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            runs = list(pool.map(_read, (r for r in found if r.job_type != STUDY)))
    except (wandb.Error, ValueError) as error:
        text = " ".join(str(error).split()).removesuffix(".")
        raise ConfigError(f"{address}: W&B says: {text}.") from error
    if not runs:
        where = f"group {group!r} of {entity}/{project}" if group else "project"
        raise ConfigError(
            f"{address}: no run in the {where}. Fix: sync offline runs first, or check"
            " the group, which is the sweep's name."
        )
    return runs


def _parts(address: str) -> tuple[str, str, str]:
    parts = address.removeprefix("wandb:").split("/", 2)
    if len(parts) < 2 or not all(parts):
        raise ConfigError(f"{address}: expected wandb:ENTITY/PROJECT/GROUP.")
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def _read(run: Any) -> ComparedRun:  # noqa: ANN401 - W&B's run
    curves = _curves(run.history(samples=SAMPLES, pandas=False))
    return ComparedRun(
        place=run.url,
        name=run.name,
        status=STATUSES.get(str(run.state), str(run.state)),
        config=flat_config(run.config),
        numbers=_of_best_weights(_numbers(run.summary_metrics)),
        curves={name: curve for name, curve in curves.items() if len(curve.steps) > 1},
        seconds=run.summary_metrics.get("_runtime"),
        commit=run.commit,
    )


def _curves(rows: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        step = row.get(STEP) or row.get(OWN_STEP) or 0
        for name, value in _numbers(row).items():
            points.setdefault(name, []).append((step, value))
    found = {name: np.array(pairs, dtype=float).T for name, pairs in points.items()}
    return {name: thin(Curve(x, y)) for name, (x, y) in found.items()}


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """Returns what was logged, without W&B's own numbers and media."""
    return {
        name: value
        for name, value in scalars(row).items()
        if name not in NO_NUMBERS
        and not name.startswith("_")
        and not _is_media(row, name)
    }


def _of_best_weights(numbers: Mapping[str, float]) -> dict[str, float]:
    """Puts the numbers of the best weights in place of the last, as in run folders."""
    best = {k.removeprefix(BEST): v for k, v in numbers.items() if k.startswith(BEST)}
    return {k: v for k, v in numbers.items() if not k.startswith(BEST)} | best


def _is_media(row: Mapping[str, Any], name: str) -> bool:
    # an image is a mapping with a type, whose sizes would look like metrics
    owner = row.get(name.rpartition("/")[0])
    return isinstance(owner, Mapping) and "_type" in owner
