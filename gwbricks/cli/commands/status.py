"""`gwbricks status`: how far a sweep is."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from gwbricks.errors import ConfigError
from gwbricks.sweeps.job_table import duration, seconds_left, show_jobs, summary
from gwbricks.sweeps.sweep_folder import SweepFolder

USAGE = """\
usage: gwbricks status FOLDER

  FOLDER   of a sweep, such as outputs/sweeps/NAME
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Prints a table of jobs, why some failed, and about how long the rest takes."""
    del trusted
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    if len(args) != 1:
        raise ConfigError(
            f"status: {len(args)} folders given. Expected the folder of one sweep."
        )
    sweep = SweepFolder(Path(args[0]))
    jobs = sweep.jobs()
    if not jobs:
        raise ConfigError(
            f"status: no sweep in {args[0]!r}. Expected a folder that gwbricks train -m"
            " made, such as outputs/sweeps/NAME."
        )
    console = Console()
    show_jobs(sweep, jobs, console)
    lines = [f"{job.name}: {job.error}" for job in jobs if job.error]
    left = seconds_left(sweep, jobs)
    rest = "" if left is None else f"; about {duration(left)} left"
    for line in (*lines, summary(sweep, jobs) + rest):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    return 0
