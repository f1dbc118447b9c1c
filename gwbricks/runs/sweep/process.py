"""A job in a process of its own, whose death costs nothing but itself."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from omegaconf import DictConfig, OmegaConf

from gwbricks.runs.processes.cores import cores
from gwbricks.runs.sweep.folder import POLL, SweepFolder
from gwbricks.runs.sweep.identity import job_identity
from gwbricks.runs.sweep.record import RUNNING

PRELOADED = ["gwbricks.runs.train", "wandb", "wandb.sdk.launch.inputs.internal"]
"""Imported once by the server that forks the jobs: three seconds less for each."""

BLOCKED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""Signals to all processes of a job, which the server that forks must outlive."""

GRACE = 120.0
"""Seconds that a job has to stop after it was asked to."""


@dataclass(frozen=True)
class JobSpec:
    """All that a process needs to run a job.

    Args:
        config: The job's composed config with Hydra's own section, as plain values with
            their references.
        trusted: See `resolve_target`.
        ckpt_path: Checkpoint to go on from.
    """

    config: Mapping[str, Any]
    trusted: tuple[str, ...] = ()
    ckpt_path: str | None = None

    @property
    def cfg(self) -> DictConfig:
        """The job's config without Hydra's section."""
        return OmegaConf.create({k: v for k, v in self.config.items() if k != "hydra"})

    @cached_property
    def sweep(self) -> SweepFolder:
        """The folder of the sweep."""
        return SweepFolder.of(self.cfg)

    @cached_property
    def identity(self) -> str:
        """See `job_identity`."""
        return job_identity(self.cfg, self.ckpt_path)

    @property
    def is_trial(self) -> bool:
        """Whether the job is a trial of a search."""
        return (self.config["hydra"].get("sweeper") or {}).get("trial") is not None

    @property
    def attempts(self) -> int:
        """How often the job may be tried."""
        return self.config["sweep"]["attempts"]

    @property
    def parallel(self) -> int:
        """How many jobs run at a time on one machine."""
        if self.config["sweep"]["jobs"] is not None:
            return self.config["sweep"]["jobs"]
        engine = self.config["hydra"]["launcher"]["engine"]
        is_serial = engine.endswith((".BasicLauncher", ".Stacked"))
        threads = self.config["threads"]
        each = threads if isinstance(threads, int) else 1
        return 1 if is_serial else max(1, cores() // (each * self.processes))

    @property
    def processes(self) -> int:
        """How many processes of a machine the job trains in."""
        devices = self.config.get("trainer", {}).get("devices")
        return devices if isinstance(devices, int) and devices > 0 else 1

    def with_shared_cores(self) -> "JobSpec":
        """Returns the job with its part of the threads, if others run beside it."""
        threads = self.config["threads"]
        if self.parallel == 1 or threads == "auto":
            return self
        most = max(1, self.share // self.processes)
        threads = min(threads or most, most)
        return replace(self, config={**self.config, "threads": threads})

    @property
    def share(self) -> int:
        """The cores that are the job's own."""
        return max(1, cores() // self.parallel)


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
    from gwbricks.runs.sweep.work import work

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
    context = multiprocessing.get_context("forkserver")
    more = ["gwbricks.runs.search.prune"] if spec.is_trial else []
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
            os._exit(1)


def _stop(process: ForkServerProcess) -> None:
    if process.is_alive():
        process.terminate()
        process.join(GRACE)
        process.kill()
    process.join()
