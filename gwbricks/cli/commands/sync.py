"""`gwbricks sync`: offline runs to W&B."""

import sys
from collections.abc import Sequence
from pathlib import Path

from gwbricks.cli.parser import OptionParser

USAGE = """\
usage: gwbricks sync RUN… [--project P] [--entity E]

  RUN           run folders, sweeps, or any folder above them, as in outputs/sweeps/NAME
  --project P   a project other than that of the runs
  --entity E    a user or a team; without it, what the runs say, or who is logged in
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Uploads what W&B does not have yet, and prints a table of it."""
    del trusted
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    parser = OptionParser("sync")
    parser.add_argument("folders", metavar="RUN", nargs="+", type=Path)
    parser.add_argument("--project")
    parser.add_argument("--entity")
    given = parser.parse_args(list(args))
    from gwbricks.runs.loggers.sync import sync

    sync(**vars(given))
    return 0
