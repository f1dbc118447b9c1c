"""Uploads runs that were logged offline to W&B."""

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gwbricks.errors import ConfigError, SyncError
from gwbricks.print_line import print_line
from gwbricks.runs.loggers.wandb_account import account_problem, WANDB
from gwbricks.runs.loggers.wandb_files import run_id

POLL = 0.2
"""Seconds between two looks at what has been uploaded."""

HEADER = 7
"""Bytes that a file starts with."""

MOST_LINES = 5
"""Of what W&B said when something went wrong."""


def sync(
    folders: Sequence[Path], project: str | None = None, entity: str | None = None
) -> None:
    """Uploads the offline runs below some folders, unless W&B has them.

    Args:
        folders: Run folders, sweeps, or any folders above them.
        project: Another project than that of the runs.
        entity: Another user or team than that of the runs.

    Raises:
        ConfigError: If there is no offline run, nobody is logged in, or W&B cannot be
            reached.
        SyncError: If runs could not be uploaded.
    """
    files = _find(folders)
    waiting = [file for file in files if not _is_synced(file)]
    console = Console()
    if not waiting:
        print_line(console, f"{_count(files)}: synced before.")
        return
    if problem := account_problem():
        raise ConfigError(f"sync: {problem}")
    options = [f"--project={project}"] if project else []
    options += [f"--entity={entity}"] if entity else []
    for file in waiting:
        _marker(file).unlink(missing_ok=True)  # of an earlier part of the file
    said = _upload(waiting, options, console)
    _show(files, waiting, console)
    left = [file for file in waiting if not _is_synced(file)]
    if left:
        lines = [line for line in said.splitlines() if line.strip()][-MOST_LINES:]
        cause = "\n  ".join(["W&B says:", *lines]) if lines else "W&B says nothing."
        raise SyncError(f"{_count(left)} not synced. {cause}")


def _find(folders: Sequence[Path]) -> list[Path]:
    files: dict[Path, Path] = {}
    for folder in folders:
        found = sorted(filter(_is_run, folder.rglob("offline-run-*/run-*.wandb")))
        if not found:
            state = "no offline run of W&B" if folder.exists() else "no such folder"
            raise ConfigError(
                f"sync: {str(folder)!r}: {state}. Expected a run, or a folder of runs,"
                " that logger=wandb has logged offline."
            )
        files |= {file.resolve(): file for file in found}
    return sorted(files.values())


def _is_run(file: Path) -> bool:
    """Whether a file has more than its header; a run that was killed may not."""
    return file.stat().st_size > HEADER


def _marker(file: Path) -> Path:
    """Returns what W&B leaves beside a file that it has uploaded."""
    return file.with_suffix(".wandb.synced")


def _is_synced(file: Path) -> bool:
    """Whether W&B has a file, all of it."""
    marker = _marker(file)
    return marker.exists() and marker.stat().st_mtime >= file.stat().st_mtime


def _upload(files: Sequence[Path], options: Sequence[str], console: Console) -> str:
    """Runs W&B's command, tells what is done, and returns what it has printed."""
    command = [*WANDB, "sync", "--include-synced", *options, *map(str, files)]
    left, is_running = list(files), True
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            while is_running:
                is_running = process.poll() is None
                for file in [file for file in left if _marker(file).exists()]:
                    left.remove(file)
                    count = f"[{len(files) - len(left)}/{len(files)}]"
                    print_line(console, f"{count} {_name(file)} synced")
                time.sleep(POLL if is_running else 0)
        finally:
            process.terminate()
        output.seek(0)
        return output.read()


def _name(file: Path) -> str:
    """Returns the name of the folder that holds a run's `wandb`."""
    return file.parents[2].resolve().name


def _show(files: Sequence[Path], waiting: Sequence[Path], console: Console) -> None:
    table = Table(box=SIMPLE_HEAD)
    for column in ("run", "id", "synced"):
        table.add_column(column)
    for file in files:
        now = "yes" if _is_synced(file) else "no"
        state = now if file in waiting else "before"
        table.add_row(escape(_name(file)), run_id(file), state)
    console.print(table)


def _count(files: Sequence[Path]) -> str:
    return f"{len(files)} offline run{'s' if len(files) != 1 else ''}"
