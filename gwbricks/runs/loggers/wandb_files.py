"""W&B's files in a run folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def wandb_files(run: Path) -> list[Path]:
    """Returns W&B's files in a run folder, the oldest first."""
    return sorted(
        run.glob("wandb/*run-*-*/run-*.wandb"),
        key=lambda path: path.parent.name.partition("run-")[2],
    )


def run_id(file: Path) -> str:
    """Returns the id of the run that a file of W&B belongs to.

    Example:
        >>> run_id(Path("wandb/offline-run-20261121_120000-ab12/run-ab12.wandb"))
        'ab12'
    """
    return file.stem.removeprefix("run-")


@contextmanager
def staged_in(folder: Path) -> Iterator[None]:
    """Has W&B keep unsent tables in a folder, not in the user's home."""
    before = os.environ.get("WANDB_DATA_DIR")
    os.environ["WANDB_DATA_DIR"] = str((folder / "wandb").resolve())
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]
        if before is not None:
            os.environ["WANDB_DATA_DIR"] = before
