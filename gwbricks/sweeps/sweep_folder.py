"""The folder of a sweep: a record and a lock of each job, beside the run folders."""

import json
import platform
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout
from omegaconf import DictConfig

from gwbricks.formats import check_format, NOTED, SWEEP
from gwbricks.runs.folder.place import safe_name
from gwbricks.runs.folder.run_folder import RunFolder
from gwbricks.sweeps.record import (
    FAILED,
    FINISHED,
    is_mistaken,
    Job,
    job_labels,
    job_name,
    KILLED,
    PENDING,
    RUNNING,
)
from gwbricks.whole_file import make_folder, write_whole

POLL = 0.1
"""Seconds between two looks at what other processes do."""


@dataclass(frozen=True)
class SweepFolder:
    """Jobs by their identity, shared by all processes that work on a sweep.

    Whoever runs a job holds its lock, which the operating system takes back when that
    process dies. A job that says `running` and whose lock is free has lost its owner.

    Args:
        path: Where the sweep is.
    """

    path: Path

    @classmethod
    def of(cls, cfg: DictConfig) -> "SweepFolder":
        """Returns the folder of the sweep that a job's config names."""
        name = safe_name(str(cfg.sweep.name))
        return cls(Path(cfg.paths.outputs) / "sweeps" / name)

    @property
    def records(self) -> Path:
        """Where the records are."""
        return self.path / "jobs"

    def log(self, identity: str) -> Path:
        """Returns the file of what a job prints."""
        return self.records / f"{identity}.log"

    def ticket(self, identity: str) -> Path:
        """Returns the file with the id of a job in the queue of a Slurm cluster."""
        return self.records / f"{identity}.slurm"

    def plan(
        self,
        overrides: Mapping[str, Sequence[str]],
        retry: bool = False,
        fixed: Collection[str] = (),
    ) -> None:
        """Makes a record of each new job, with a number that no other job has.

        A finished job whose run folder was removed is to be run again, and so is one
        that failed by a mistake: what is not of its config may be right by now.

        Args:
            overrides: Those of each job, by its identity.
            retry: Whether failed jobs are to be tried again.
            fixed: Overrides that tell no job from another.

        Raises:
            ConfigError: If the folder cannot be written to.
        """
        make_folder(self.records, "paths.outputs")
        labels = job_labels(overrides, fixed)
        with FileLock(self.records / ".lock"):  # the same sweep may be started twice
            taken = {job.number for job in self.jobs()}
            for index, (identity, given) in enumerate(overrides.items()):
                if self._path(identity).exists():
                    self._reopen(self.read(identity), retry)
                    continue
                # Run folders are named after numbers, so none changes: a new job takes
                # its place in this command, or comes after all others.
                number = index if index not in taken else max(taken) + 1
                taken.add(number)
                name = job_name(number, labels[identity])
                self.write(Job(identity, number, name, list(given)))

    def _reopen(self, job: Job, retry: bool) -> None:
        is_gone = not (self.path / job.name / "metrics.json").exists()
        if (
            (retry and job.status in (FAILED, KILLED))
            or (is_gone and job.status == FINISHED)
            or is_mistaken(job)
        ):
            self.write(job.again())

    def jobs(self) -> list[Job]:
        """Returns all jobs by their number."""
        found = [self.read(path.stem) for path in self.records.glob("*.json")]
        return sorted(found, key=lambda job: job.number)

    def read(self, identity: str) -> Job:
        """Returns what is known of a job.

        Raises:
            FormatError: If a newer gwbricks wrote it.
        """
        path = self._path(identity)
        record = json.loads(path.read_text(encoding="utf-8"))
        check_format(record, SWEEP, path)
        record.pop(NOTED, None)
        return Job(**record)

    def write(self, job: Job) -> None:
        """Writes what is known of a job, whole or not at all."""
        record = {NOTED: SWEEP, **asdict(job)}
        write_whole(self._path(job.identity), json.dumps(record, indent=2))

    def _path(self, identity: str) -> Path:
        return self.records / f"{identity}.json"

    @contextmanager
    def claim(self, identity: str) -> Iterator[Job]:
        """Waits until no other process has a job, and makes it this one's own."""
        with FileLock(self.records / f"{identity}.lock"):
            yield self.read(identity)  # now: while it waited, another may have run it

    def is_owned(self, identity: str) -> bool:
        """Whether some process that is alive has a job."""
        try:
            with FileLock(self.records / f"{identity}.lock", timeout=0):
                return False
        except Timeout:
            return True

    def bury(self, identity: str, cause: str, limit: int) -> None:
        """Records that a job's process died; it is tried `limit` times at most."""
        with self.claim(identity) as job:
            if job.status not in (PENDING, RUNNING):
                return
            if job.status == RUNNING and job.attempts < limit:
                # It stays RUNNING: what runs and has no owner goes on from its last
                # checkpoint, while what is PENDING starts afresh.
                self.write(replace(job, error=cause))
                return
            times = f" ({job.attempts} times)" if job.attempts > 1 else ""
            self.write(job.ended(KILLED, cause + times))
            run = RunFolder(self.path / job.name)
            if run.read().get("status") == RUNNING:  # as its process left it
                run.finish(FAILED, cause + times)

    @contextmanager
    def slot(self, count: int, is_stopped: Callable[[], bool]) -> Iterator[bool]:
        """Waits for one of `count` places of this machine; gives False if stopped."""
        # Locks, not a semaphore: all commands on a machine share its places, and those
        # of a process that is killed are free at once. The folder may be seen by other
        # machines, which have places of their own.
        machine = safe_name(platform.node())
        locks = [
            FileLock(self.records / f".{machine}-{i}.lock", timeout=0)
            for i in range(count)
        ]
        while not is_stopped():
            for lock in locks:
                try:
                    lock.acquire()
                except Timeout:
                    continue
                try:
                    yield True
                finally:
                    lock.release()
                return
            time.sleep(POLL)
        yield False
