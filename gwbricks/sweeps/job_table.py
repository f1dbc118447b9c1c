"""The jobs of a sweep as a table, and how much of the sweep is done."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gwbricks.runs.folder.results import read_results, Results, ROUTE_WORDS
from gwbricks.runs.folder.results_table import number
from gwbricks.sweeps.record import (
    FINISHED,
    has_ended,
    INTERRUPTED,
    Job,
    PENDING,
    RUNNING,
)
from gwbricks.sweeps.slurm_queue import queued_state, RUNS
from gwbricks.sweeps.sweep_folder import SweepFolder

MOST_METRICS = 4
"""Most columns of numbers; `metrics.json` has the rest."""

AROUND = 34
"""Width of a table without the names of jobs and the numbers, in characters."""

ORPHANED, QUEUED = "died", "queued"
"""States that no record holds, since no process of the job is there to write them."""


def show_jobs(sweep: SweepFolder, jobs: Sequence[Job], console: Console) -> None:
    """Prints a table of jobs: status, main numbers, time.

    Args:
        sweep: The sweep.
        jobs: Some of its jobs.
        console: Where to print.
    """
    results = {job.name: _results(sweep.path / job.name) for job in jobs}
    longest = max((len(job.name) for job in jobs), default=0)
    names = min(longest, console.width // 3)
    columns = _fitting(_main_metrics(sweep, results), console.width - names - AROUND)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("job", overflow="fold", min_width=names)
    table.add_column("status", no_wrap=True)
    for column in (*columns, "time"):
        table.add_column(column, justify="right", no_wrap=True)
    for job in jobs:
        found = results[job.name] if job.status == FINISHED else {}
        numbers = [number(found[c]) if c in found else "" for c in columns]
        took = duration(elapsed(job)) if elapsed(job) else ""
        table.add_row(escape(job.name), state(sweep, job), *numbers, took)
    console.print(table)


def state(sweep: SweepFolder, job: Job) -> str:
    """Returns the status of a job, which its record alone may not tell.

    A job that waits in the queue of a cluster is `queued`. A job whose record says
    `running`, but that no process holds and no cluster runs, has `died`.
    """
    if has_ended(job) or (job.status == RUNNING and sweep.is_owned(job.identity)):
        return job.status
    where = queued_state(sweep.ticket(job.identity))
    if job.status == RUNNING:
        return RUNNING if where == RUNS else ORPHANED if where is None else QUEUED
    return job.status if where is None else QUEUED


def summary(sweep: SweepFolder, jobs: Sequence[Job]) -> str:
    """Returns how many jobs have which status, as in `3 jobs: 2 finished, 1 failed`."""
    counts = Counter(state(sweep, job) for job in jobs)
    parts = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return f"{len(jobs)} job{'s' if len(jobs) != 1 else ''}: {parts}"


def seconds_left(sweep: SweepFolder, jobs: Sequence[Job]) -> float | None:
    """Estimates how many seconds the jobs take that are running or waiting.

    It is None if none is running, or none has finished to tell how long one takes.
    """
    took = [job.seconds for job in jobs if job.status == FINISHED]
    running = [job for job in jobs if state(sweep, job) == RUNNING]
    if not took or not running:
        return None
    mean = sum(took) / len(took)
    waiting = sum(job.status in (PENDING, INTERRUPTED) for job in jobs)
    rest = sum(max(mean - elapsed(job), 0.0) for job in running)
    return (rest + mean * waiting) / len(running)


def elapsed(job: Job) -> float:
    """Returns how many seconds a job has run so far."""
    now = time.time() - job.started if job.status == RUNNING else 0.0
    return job.seconds + now


def duration(seconds: float) -> str:
    """Returns a time in its two largest units.

    Example:
        >>> duration(4.21), duration(65), duration(7320)
        ('4.2 s', '1 min 5 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def _results(run: Path) -> Results:
    try:
        return read_results(run / "metrics.json")
    except OSError:
        return {}


def _main_metrics(sweep: SweepFolder, results: dict[str, Results]) -> list[str]:
    """Returns `sweep.metric`, the test loss, and metrics of no single route or loss."""
    names = {name for found in results.values() for name in found}
    config = next((_config(sweep.path / run) for run in results if results[run]), {})
    losses = set(config.get("loss_coefs") or ())
    others = [
        name
        for name in sorted(names)
        if name.startswith("test/")
        and not any(word in name for word in ROUTE_WORDS)
        and name.split("/")[1] not in losses
        and any(isinstance(found.get(name), int | float) for found in results.values())
    ]
    metric = (config.get("sweep") or {}).get("metric") or []
    wanted = [metric] if isinstance(metric, str) else metric
    first = [name for name in (*wanted, "test/loss") if name in names]
    return list(dict.fromkeys([*first, *others]))[:MOST_METRICS]


def _fitting(columns: Sequence[str], width: int) -> list[str]:
    """Returns the first columns of numbers that a table of this width has room for."""
    fitting = []
    for column in columns:
        width -= len(column) + 2
        if width >= 0:
            fitting.append(column)
    return fitting


def _config(run: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    except OSError:
        return {}
