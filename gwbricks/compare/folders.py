"""Finds run folders and reads them."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from gwbricks.compare.curves import read_curves
from gwbricks.compare.run import ComparedRun, flat_config, scalars
from gwbricks.errors import ConfigError, FormatError
from gwbricks.formats import check_format, RUN, SWEEP
from gwbricks.whole_file import PART

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, where PyYAML was built with it: ten times faster."""

RECORDS, FAILED = "jobs", ("failed", "killed")
"""Where a sweep keeps the records of its jobs, and their words for a failure."""

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")

UNREADABLE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError),
    FormatError,
)
"""What reading a damaged run folder raises."""


def read_runs(folders: Sequence[Path]) -> tuple[list[ComparedRun], list[str]]:
    """Reads all runs in some folders.

    Args:
        folders: Runs, sweeps, or any folders above them.

    Returns:
        The runs, and one line for each folder that cannot be read.

    Raises:
        ConfigError: If a folder does not exist, or none holds a run.
    """
    paths = dict.fromkeys(path for folder in folders for path in _find(folder))
    runs, problems = [], []
    for path in paths:
        try:
            run = read_run(path) if path.is_dir() else read_record(path)
            if run is not None:
                runs.append(run)
        except UNREADABLE as error:
            text = " ".join(str(error).split())
            problems.append(f"{path}: cannot be read: {text}.")
    if not runs and not problems:
        listed = ", ".join(map(str, folders))
        raise ConfigError(
            f"compare: no run in {listed}. Expected folders with a run.json."
            " Fix: a folder that `gwbricks train` printed, or one above it."
        )
    return _named_apart(runs), problems


def _find(folder: Path) -> list[Path]:
    if not folder.is_dir():
        near = [path.name for path in folder.parent.glob("*/")]
        close = get_close_matches(folder.name, near, n=1)
        hint = f" Did you mean {str(folder.parent / close[0])!r}?" if close else ""
        raise ConfigError(f"compare: no folder {str(folder)!r}.{hint}")
    return [path.resolve() for path in _walk(folder)]


def _walk(folder: Path) -> Iterator[Path]:
    for path, folders, files in os.walk(folder):
        is_run = "run.json" in files
        # os.walk enters what is left in the list; a run folder holds no other run
        folders[:] = [] if is_run else sorted(n for n in folders if PART not in n)
        if is_run:
            yield Path(path)
        elif Path(path).name == RECORDS:
            yield from (Path(path, name) for name in sorted(files) if _is_record(name))


def _is_record(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


def read_run(path: Path) -> ComparedRun:
    """Reads a run folder, whether the run has finished or not.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a file is damaged.
        FormatError: If a newer gwbricks wrote it.
    """
    record = json.loads((path / "run.json").read_text(encoding="utf-8"))
    check_format(record, RUN, path / "run.json")
    config = _read_yaml(path / "config.yaml")
    metrics, logged = path / "metrics.json", path / "metrics.csv"
    curves = read_curves(logged) if logged.is_file() else {}
    if metrics.is_file():
        numbers = scalars(json.loads(metrics.read_text(encoding="utf-8")))
    else:
        numbers = {name: float(curve.values[-1]) for name, curve in curves.items()}
    return ComparedRun(
        place=str(path),
        name=path.name,
        status=record["status"],
        config=None if config is None else flat_config(config),
        overrides=_read_yaml(path / "overrides.yaml") or [],
        numbers=numbers,
        curves={name: curve for name, curve in curves.items() if len(curve.steps) > 1},
        pictures=_pictures(path),
        error=record.get("error"),
        seconds=_seconds(record.get("started"), record.get("ended")),
        commit=record.get("commit"),
    )


def read_record(path: Path) -> ComparedRun | None:
    """Reads a sweep's record of a job that failed before it left a run folder.

    Returns:
        The run; None if the job has a folder, or has not failed.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is damaged.
        FormatError: If a newer gwbricks wrote it.
    """
    job = json.loads(path.read_text(encoding="utf-8"))
    check_format(job, SWEEP, path)
    folder = path.parent.parent / job["name"]
    if job["status"] not in FAILED or (folder / "run.json").is_file():
        return None
    return ComparedRun(
        place=str(folder),
        name=folder.name,
        status="failed",
        config=None,
        overrides=job["overrides"],
        error=job["error"],
        seconds=job["seconds"],
    )


def _read_yaml(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    if not path.is_file():
        return None
    return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)


def _pictures(path: Path) -> dict[str, Path]:
    folder = path / "pictures"
    found = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*.*"))}
    whole = {name: p for name, p in found.items() if PART not in name}
    whole["graph.svg"] = path / "graph.svg"
    return {n: p for n, p in whole.items() if p.suffix in PICTURES and p.is_file()}


def _seconds(started: str | None, ended: str | None) -> float | None:
    if started is None or ended is None:
        return None
    times = [datetime.fromisoformat(time) for time in (started, ended)]
    return (times[1] - times[0]).total_seconds()


def _named_apart(runs: Sequence[ComparedRun]) -> list[ComparedRun]:
    """Names each run by the part of its place that the others do not share."""
    if len(runs) < 2:
        return list(runs)
    shared = os.path.commonpath([run.place for run in runs])
    return [replace(run, name=os.path.relpath(run.place, shared)) for run in runs]
