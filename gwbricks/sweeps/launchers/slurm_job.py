"""What runs on a node of a Slurm cluster: a job, which Slurm may stop and requeue."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gwbricks.errors import one_line
from gwbricks.sweeps.job_launcher import enter_folder
from gwbricks.sweeps.job_process import attempt_now
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.record import has_ended, INTERRUPTED

STOPPED = 128 + signal.SIGTERM
"""Exit status of a job that was stopped by SIGTERM."""


@dataclass(frozen=True)
class SlurmJob:
    """Runs a job in an allocation of its own.

    Shortly before its time is up, submitit's signal lets it keep a checkpoint and has
    it queued again. SIGTERM, which comes with `scancel` and with a preemption, lets it
    keep a checkpoint; whether it is queued again is up to Slurm.

    Args:
        folder: The working directory of the command.
    """

    folder: str

    def __call__(self, spec: JobSpec) -> None:
        """Runs the job; its record tells how it ended."""
        from submitit import JobEnvironment

        enter_folder(self.folder)
        # has Lightning start its processes itself, as in a shell
        os.environ["SLURM_JOB_NAME"] = "interactive"
        number = getattr(signal, f"SIG{JobEnvironment.USR_SIG}")
        handle = signal.getsignal(number)
        assert callable(handle)
        received: list[int] = []
        for handled in (number, signal.SIGTERM):
            signal.signal(handled, lambda which, frame: received.append(which))
        attempt_now(spec, lambda: bool(received))
        if has_ended(spec.sweep.read(spec.identity)):
            JobEnvironment().paths.submitted_pickle.unlink(missing_ok=True)
        elif number in received:
            _requeue(spec, handle, number)
        elif received:
            sys.exit(STOPPED)

    def checkpoint(self, spec: JobSpec) -> Any:  # noqa: ANN401 - submitit is an extra
        """Returns what submitit is to run next time: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, spec)


def _requeue(spec: JobSpec, handle: Callable[..., object], number: int) -> None:
    """Has submitit queue the job again and exit; or records why that is impossible."""
    try:
        handle(number, None)
    except Exception as error:
        cause = f"not queued again: {one_line(error)}"
        with spec.sweep.claim(spec.identity) as job:
            spec.sweep.write(replace(job, status=INTERRUPTED, error=cause))
        raise
