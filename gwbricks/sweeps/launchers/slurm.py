"""Puts the jobs of a sweep into the queue of a Slurm cluster, and waits for them."""

import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from gwbricks.errors import ConfigError
from gwbricks.sweeps.job_launcher import check_installed, JobLauncher, tell
from gwbricks.sweeps.job_process import GRACE
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.launchers.slurm_job import SlurmJob
from gwbricks.sweeps.record import has_ended, RUNNING
from gwbricks.sweeps.slurm_queue import read_queue, read_ticket
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.task import SweepTask
from gwbricks.whole_file import write_whole

GENERIC = ("name", "timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node")
"""Settings that submitit has for all clusters; others it calls `slurm_KEY`."""

MOST_AT_A_TIME = 1000
REFUSALS = (AssertionError, NameError, OSError, RuntimeError, ValueError)
"""What submitit raises when it, or `sbatch`, rejects a setting."""

UNKNOWN = (OSError, subprocess.SubprocessError)
"""What reading the queue may raise, although the next look may succeed."""


class SlurmLauncher(JobLauncher):
    """Runs each job in an allocation of its own, by submitit.

    A job that is in the queue already, since the last command was stopped, is not put
    there again. Ctrl-C takes the jobs out of the queue; whatever else ends the command
    leaves them there.

    Args:
        folder: Where Slurm writes what jobs print; every node must see it.
        poll_s: Seconds between two looks at the queue.
        max_num_timeout: How often a job whose time is up is queued again.
        settings: Further settings of submitit.

    Raises:
        ConfigError: If submitit is not installed, or there is no Slurm here.
    """

    def __init__(
        self, folder: str, poll_s: float, max_num_timeout: int, **settings: Any
    ) -> None:
        check_installed("submitit", "slurm", "sweeps")
        if shutil.which("sbatch") is None:
            raise ConfigError(
                "hydra/launcher=slurm: no sbatch here. Fix: run it on the login node of"
                " the cluster, or hydra/launcher=submitit_local."
            )
        for key, value in (("poll_s", poll_s), ("max_num_timeout", max_num_timeout)):
            if not isinstance(value, int | float) or value < 0:
                raise ConfigError(
                    f"hydra.launcher.{key}: {value!r}. Expected a number, 0 or more."
                )
        self.folder, self.poll_s, self.timeouts = Path(folder), poll_s, max_num_timeout
        is_auto = settings.get("cpus_per_task") == "auto"
        self.settings = {**settings, "cpus_per_task": None} if is_auto else settings

    def run(self, task: SweepTask, specs: Sequence[JobSpec]) -> None:
        """See `JobLauncher.run`."""
        sweep = specs[0].sweep
        jobs = {spec.identity: spec for spec in specs}
        # two commands at once would each find a job missing, and queue it twice
        with FileLock(sweep.records / ".slurm.lock"):
            try:
                queue = read_queue()
            except UNKNOWN as error:
                raise ConfigError(
                    f"hydra/launcher=slurm: squeue does not answer: {error}."
                    " Fix: try again, so that no job is queued twice."
                ) from error
            new = [s for i, s in jobs.items() if _ticket(sweep, i) not in queue]
            self._submit(sweep, new)
        if known := len(jobs) - len(new):
            found = f"{known} jobs are" if known > 1 else "1 job is"
            tell(f"{found} in the queue of Slurm already")
        self._wait(sweep, jobs, task.stop_file(sweep))

    def _submit(self, sweep: SweepFolder, specs: Sequence[JobSpec]) -> None:
        """Puts jobs into the queue, as one array, and notes the id of each."""
        if not specs:
            return
        from submitit import AutoExecutor
        from submitit.helpers import clean_env

        most = specs[0].config["sweep"]["jobs"] or MOST_AT_A_TIME
        settings = {**self.settings, "array_parallelism": most}
        prefixed = {k if k in GENERIC else f"slurm_{k}": v for k, v in settings.items()}
        try:
            executor = AutoExecutor(
                self.folder, "slurm", slurm_max_num_timeout=self.timeouts
            )
            executor.update_parameters(stderr_to_stdout=True, **prefixed)
            with clean_env():  # without variables of an allocation of the command
                found = executor.map_array(SlurmJob(str(Path.cwd())), specs)
        except REFUSALS as error:
            raise ConfigError(f"hydra/launcher=slurm: {_refusal(error)}") from error
        for spec, job in zip(specs, found, strict=True):
            write_whole(sweep.ticket(spec.identity), job.job_id)

    def _wait(
        self, sweep: SweepFolder, jobs: Mapping[str, JobSpec], stop: Path
    ) -> None:
        waiting, missed = list(jobs), set[str]()
        looked = time.monotonic()
        while waiting and not stop.exists():
            time.sleep(min(1.0, self.poll_s))
            waiting = [i for i in waiting if not has_ended(sweep.read(i))]
            if time.monotonic() - looked < self.poll_s:
                continue
            looked = time.monotonic()
            missing = _missing(sweep, waiting)
            lost = missing & missed  # the disk may be slower to tell than the queue
            missed = missing - lost
            again = [
                jobs[i] for i in waiting if i in lost and self._record_lost(jobs[i])
            ]
            self._submit(sweep, again)
            waiting = [i for i in waiting if i not in lost or jobs[i] in again]
        if waiting:
            self._leave(sweep, waiting, stop.read_text(encoding="utf-8"))

    def _record_lost(self, spec: JobSpec) -> bool:
        """Records that a job left the queue without an end; True if it may go on."""
        sweep, identity = spec.sweep, spec.identity
        number = _ticket(sweep, identity)
        cause = f"job {number} of Slurm ended: {self._last_line(str(number))}"
        limit = spec.attempts if sweep.read(identity).status == RUNNING else 0
        sweep.record_death(identity, cause, limit)
        return sweep.read(identity).status == RUNNING

    def _last_line(self, number: str) -> str:
        with suppress(OSError):
            text = (self.folder / f"{number}_0_log.out").read_text(errors="replace")
            for line in reversed(text.splitlines()):
                if line.strip():
                    return line.strip()
        return "it printed nothing"

    def _leave(self, sweep: SweepFolder, waiting: Sequence[str], how: str) -> None:
        """Leaves jobs in the queue, or after Ctrl-C cancels them and waits for that."""
        if how != "SIGINT":
            tell("the jobs stay in the queue of Slurm; the same command waits for them")
            return
        numbers = [str(_ticket(sweep, i)) for i in waiting]
        tell(f"scancel {' '.join(numbers)}")
        subprocess.run(["scancel", *numbers], check=False)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and _missing(sweep, waiting) < set(waiting):
            time.sleep(min(1.0, self.poll_s))


def _ticket(sweep: SweepFolder, identity: str) -> str | None:
    return read_ticket(sweep.ticket(identity))


def _missing(sweep: SweepFolder, identities: Iterable[str]) -> set[str]:
    """Returns the jobs that are not in the queue; none if it does not answer."""
    try:
        queue = read_queue()
    except UNKNOWN:
        return set()
    return {i for i in identities if _ticket(sweep, i) not in queue}


def _refusal(error: Exception) -> str:
    """Returns what Slurm says of a wrong setting, without submitit's traceback."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("sbatch: ")]
    return " ".join(said or lines[:1] or [type(error).__name__])
