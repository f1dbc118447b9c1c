"""`gwbricks train -m`: starts a sweep, or goes on with one, and shows how it ended."""

from collections.abc import Collection, Sequence
from importlib.util import find_spec

from rich.console import Console

from gwbricks.cli.hydra_app import run_sweep
from gwbricks.config.compose import experiment_name
from gwbricks.errors import ConfigError, SweepError
from gwbricks.print_line import print_line
from gwbricks.runs.folder.place import safe_name, timestamp
from gwbricks.sweeps.job_table import show_jobs, summary
from gwbricks.sweeps.record import FAILED, INTERRUPTED, Job, KILLED
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.task import SweepTask

PLUGINS = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
}
"""Packages that Hydra's launchers are in."""


def sweep(args: Sequence[str], trusted: Sequence[str], ckpt_path: str | None) -> None:
    """Runs the jobs of a sweep that have not ended yet.

    Raises:
        ConfigError: If a config cannot be composed, or a launcher is not installed.
        SweepError: If jobs failed, or were stopped by something else than the command.
    """
    _check_installed(args)
    task = SweepTask(tuple(trusted), ckpt_path)
    try:
        run_sweep(task, _name_sweep(args), "train")
    finally:
        jobs = {folder: _jobs(folder, found) for folder, found in task.sweeps.items()}
        for folder, found in jobs.items():
            _show(folder, found)
        _tell(task.notes)
    done = [(folder, job) for folder, found in jobs.items() for job in found]
    _check_done(done, task.tried)


def _check_done(
    jobs: Sequence[tuple[SweepFolder, Job]], tried: Collection[str]
) -> None:
    ended = [(f, job) for f, job in jobs if job.status in (FAILED, KILLED)]
    failed = [
        f"{job.name}: {job.error}\n    see {folder.log(job.identity)}"
        for folder, job in ended
    ]
    stopped = [
        f"{job.name}: {job.error or INTERRUPTED}"
        for _, job in jobs
        if job.status == INTERRUPTED
    ]
    if failed:
        skipped = sum(job.identity not in tried for _, job in ended)
        lines = [f"{_counted(len(failed))} failed:", *failed, *_untried(skipped)]
        raise SweepError("\n  ".join(lines))
    if stopped:
        lines = [f"{_counted(len(stopped))} stopped; the same command goes on:"]
        raise SweepError("\n  ".join([*lines, *stopped]))


def _untried(count: int) -> list[str]:
    if not count:
        return []
    were, them = ("was", "it") if count == 1 else ("were", "them")
    return [
        f"{_counted(count)} failed before this start and {were} not tried again."
        f" Fix: sweep.retry=failed tries {them}."
    ]


def _counted(jobs: int) -> str:
    return f"{jobs} job{'s' if jobs != 1 else ''}"


def _name_sweep(args: Sequence[str]) -> list[str]:
    """Gives a sweep a name, if it has none: its folder and its W&B group."""
    names = [arg.partition("=")[2] for arg in args if arg.startswith("sweep.name=")]
    rest = [arg for arg in args if not arg.startswith("sweep.name=")]
    new = f"{experiment_name(args)}_{timestamp()}".replace(",", "+")
    name = names[-1].strip("'\"") if names else new
    return [*rest, f"sweep.name={safe_name(name)}"]


def _check_installed(args: Sequence[str]) -> None:
    for launcher, package in PLUGINS.items():
        if f"hydra/launcher={launcher}" in args and find_spec(package) is None:
            raise ConfigError(
                f"hydra/launcher={launcher}: not installed."
                " Fix: pip install 'gwbricks[sweeps]'."
            )


def _jobs(folder: SweepFolder, identities: Sequence[str]) -> list[Job]:
    found = [folder.read(identity) for identity in dict.fromkeys(identities)]
    return sorted(found, key=lambda job: job.number)


def _show(folder: SweepFolder, jobs: Sequence[Job]) -> None:
    show_jobs(folder, jobs, Console())
    _tell([summary(folder, jobs), f"sweep folder: {folder.path}"])


def _tell(lines: Sequence[str]) -> None:
    console = Console()
    for line in lines:
        print_line(console, line)
