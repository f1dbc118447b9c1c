"""Versions of what gwbricks leaves on disk, so that a reader knows what it reads.

Where none is noted it is 0: that was written before gwbricks noted them. A number rises
when a reader of before would misread what is written from then on.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gwbricks.errors import FormatError
from gwbricks.version import __version__

RUN = 1
"""Of a run folder, noted in its `run.json`."""

CHECKPOINT = 1
"""Of a checkpoint, and of a file of pretrained weights."""

SWEEP = 1
"""Of a sweep's folder, noted in the record of each job."""

NOTED = "format"
"""Where JSON files have it."""

NOTED_IN_CHECKPOINT = "gwbricks_format"
"""Where a checkpoint has it, among names that are Lightning's."""


def check_format(
    content: Mapping[str, Any], known: int, path: Path, key: str = NOTED
) -> None:
    """Checks that what was read is of no newer format than this gwbricks knows.

    Args:
        content: What was read.
        known: The newest format that is known.
        path: The file.
        key: Where the content has its format.

    Raises:
        FormatError: If it is newer.
    """
    found = content.get(key, 0)
    if not isinstance(found, int) or found > known:
        raise FormatError(
            f"{path}: is of format {found!r}, and gwbricks {__version__} reads formats"
            f" up to {known}. Fix: a newer gwbricks, as in pip install -U gwbricks."
        )
