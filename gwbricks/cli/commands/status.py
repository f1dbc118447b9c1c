"""`gwbricks status`: how far a sweep is."""

from pathlib import Path

from gwbricks.cli.command import Argument, Command, Given
from gwbricks.errors import ConfigError

COMMAND = Command(
    "status",
    summary="show how far a sweep is: status outputs/sweeps/NAME",
    usage="FOLDER",
    arguments=(Argument("FOLDER", "of a sweep, such as outputs/sweeps/NAME"),),
    takes_words=True,
)


def run(given: Given) -> None:
    """Prints a table of jobs, why some failed, and about how long the rest takes."""
    from rich.console import Console

    from gwbricks.print_line import print_line
    from gwbricks.sweeps.job_table import duration, seconds_left, show_jobs, summary
    from gwbricks.sweeps.sweep_folder import SweepFolder

    if len(given.words) != 1:
        raise ConfigError(
            f"status: {len(given.words)} folders given. Expected the folder of one"
            " sweep."
        )
    folder = given.words[0]
    sweep = SweepFolder(Path(folder))
    jobs = sweep.jobs()
    if not jobs:
        raise ConfigError(
            f"status: no sweep in {folder!r}. Expected a folder that gwbricks train -m"
            " made, such as outputs/sweeps/NAME."
        )
    console = Console()
    show_jobs(sweep, jobs, console)
    lines = [f"{job.name}: {job.error}" for job in jobs if job.error]
    left = seconds_left(sweep, jobs)
    rest = "" if left is None else f"; about {duration(left)} left"
    for line in (*lines, summary(sweep, jobs) + rest):
        print_line(console, line)
