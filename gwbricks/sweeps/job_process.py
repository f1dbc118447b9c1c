"""A job in a process of its own, whose death costs nothing but itself."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.record import RUNNING
from gwbricks.sweeps.sweep_folder import POLL

PRELOADED = ["gwbricks.runs.train", "wandb", "wandb.sdk.launch.inputs.internal"]
"""Imported once by the server that forks the jobs: three seconds less for each."""

BLOCKED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""Signals to all processes of a job, which the server that forks must outlive."""

GRACE = 120.0
"""Seconds that a job has to stop after it was asked to."""


def attempt(spec: JobSpec, is_stopped: Callable[[], bool]) -> None:
    """Runs a job once this machine has a place for it, with its part of the cores.

    Args:
        spec: The job.
        is_stopped: Whether the sweep is to stop; the job then keeps what it has.
    """
    spec = spec.with_shared_cores()
    with spec.sweep.slot(spec.parallel, is_stopped) as is_there:
        if is_there:
            attempt_now(spec, is_stopped)


def attempt_now(spec: JobSpec, is_stopped: Callable[[], bool]) -> None:
    """Runs a job in a new process, and in another as often as that dies.

    Args:
        spec: The job.
        is_stopped: Whether the job is to stop; it then keeps what it has.
    """
    sweep, identity = spec.sweep, spec.identity
    while not is_stopped():
        cause = _run_in_process([spec], is_stopped)
        if not is_stopped():
            sweep.bury(identity, cause, spec.attempts)
        if sweep.read(identity).status != RUNNING:
            return


def attempt_together(specs: Sequence[JobSpec], is_stopped: Callable[[], bool]) -> None:
    """Runs jobs in one new process, and what dies with it in another.

    Args:
        specs: At least one job.
        is_stopped: Whether the jobs are to stop; they then keep what they have.
    """
    sweep, left = specs[0].sweep, [spec.with_shared_cores() for spec in specs]
    with sweep.slot(left[0].parallel, is_stopped) as is_there:
        while is_there and left and not is_stopped():
            cause = _run_in_process(left, is_stopped)
            for spec in [] if is_stopped() else left:
                sweep.bury(spec.identity, cause, spec.attempts)
            left = [s for s in left if sweep.read(s.identity).status == RUNNING]


def _run_in_process(specs: Sequence[JobSpec], is_stopped: Callable[[], bool]) -> str:
    """Returns how the process ended."""
    from gwbricks.sweeps.job_work import work

    process = _context(specs[0]).Process(target=work, args=(specs, dict(os.environ)))
    process.start()
    try:
        _wait(process, is_stopped)
    finally:
        _stop(process)
    assert process.exitcode is not None
    if process.exitcode >= 0:
        return f"its process ended with status {process.exitcode}"
    return f"its process was killed by {signal.Signals(-process.exitcode).name}"


def _context(spec: JobSpec) -> ForkServerContext:
    # A plain fork would copy threads' locks as they happen to be, and CUDA does not
    # survive one; a spawned process would import everything again.
    context = multiprocessing.get_context("forkserver")
    more = ["gwbricks.sweeps.search.prune"] if spec.is_trial else []
    context.set_forkserver_preload([*PRELOADED, *more])
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
    return context


def _wait(process: ForkServerProcess, is_stopped: Callable[[], bool]) -> None:
    parent = multiprocessing.parent_process()
    while not wait([process.sentinel], timeout=POLL):
        is_orphan = parent is not None and os.getppid() != parent.pid
        if is_stopped() or is_orphan:
            _stop(process)
        if is_orphan:
            os._exit(1)  # else this process would go on with the next job


def _stop(process: ForkServerProcess) -> None:
    if process.is_alive():
        process.terminate()
        process.join(GRACE)
        process.kill()
    process.join()
