"""Where a run goes: its folder, under a name that is free and safe."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gwbricks.whole_file import make_folder


@dataclass(frozen=True)
class Place:
    """Where a run goes.

    Args:
        parent: Folder of runs, below `paths.outputs`.
        name: Name of the run folder.
        overrides: The overrides of the command line.
        again: Whether the run goes on in its folder, which is there.
    """

    parent: str
    name: str
    overrides: Sequence[str] = ()
    again: bool = False


def make_free_folder(parent: Path, name: str) -> Path:
    """Makes a new folder; a number is appended if the name is taken.

    Args:
        parent: Where it is to be.
        name: Its name, made safe.

    Raises:
        ConfigError: If it cannot be written to.
    """
    make_folder(parent, "paths.outputs")
    for count in range(1, 10_000):
        path = parent / (safe_name(name) + (f"-{count}" if count > 1 else ""))
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise FileExistsError(str(parent / name))


def safe_name(name: str) -> str:
    """Returns a name without what would lead out of its folder.

    Example:
        >>> safe_name("../../etc/passwd"), safe_name("seed=1,lr=0.1")
        ('etc-passwd', 'seed=1,lr=0.1')
    """
    cleaned = re.sub(r"[^A-Za-z0-9._=,+-]+", "-", name).strip("-.")
    cleaned = re.sub(r"^[.-]+|(?<=-)\.+-", "", cleaned)
    return cleaned[:100] or "run"


def timestamp() -> str:
    """Returns the local time, for names of folders."""
    return datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
