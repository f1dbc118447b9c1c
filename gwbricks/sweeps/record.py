"""What is known of one job of a sweep."""

import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gwbricks.errors import ConfigError, ConfigErrors, UnknownNameError, WiringError
from gwbricks.runs.folder.place import safe_name

PENDING, RUNNING = "pending", "running"
FINISHED, FAILED, KILLED, INTERRUPTED = "finished", "failed", "killed", "interrupted"
PRUNED = "pruned"

MISTAKES = {
    error.__name__
    for error in (ConfigError, ConfigErrors, UnknownNameError, WiringError)
}
"""What errors are called that the user can correct, and that come before training."""

WIDTH = 3
"""Digits of a job's number."""


@dataclass(frozen=True)
class Job:
    """A job, as its file in the sweep's folder tells it.

    Args:
        identity: See `job_identity`.
        number: Its number in the sweep, which it keeps.
        name: Name of its run folder.
        overrides: What the command line said.
        status: `pending`, `running`, `finished`, `pruned` by a search, `failed` by an
            error, `killed` as often as it may be, or `interrupted` and ready to go on.
        attempts: How often it was started since it last ended in good order.
        started: When it was last started, in seconds since 1970.
        seconds: How long it ran, over all attempts that ended.
        error: Why it failed or was pruned, in one line.
    """

    identity: str
    number: int
    name: str
    overrides: Sequence[str] = field(default_factory=list)
    status: str = PENDING
    attempts: int = 0
    started: float = 0.0
    seconds: float = 0.0
    error: str | None = None

    def begun(self) -> "Job":
        """Returns the job as it starts."""
        return replace(
            self,
            status=RUNNING,
            attempts=self.attempts + 1,  # before it runs: what is killed counts nothing
            started=time.time(),
            error=None,
        )

    def ended(self, status: str, error: str | None = None) -> "Job":
        """Returns the job as it ends."""
        seconds = self.seconds
        if self.status == RUNNING:
            seconds += time.time() - self.started
        # A job that keeps what it has when it is asked to stop is not at fault: on a
        # cluster that may happen often, and it is not given up for it.
        attempts = 0 if status == INTERRUPTED else self.attempts
        return replace(
            self, status=status, seconds=seconds, error=error, attempts=attempts
        )

    def again(self) -> "Job":
        """Returns an ended job as one to try again.

        One that was killed goes on from its last checkpoint; any other starts afresh.
        """
        status = INTERRUPTED if self.status == KILLED else PENDING
        return replace(self, status=status, attempts=0, seconds=0.0, error=None)


def has_ended(job: Job) -> bool:
    """Whether nothing of a job is left to do, unless it is asked for."""
    return job.status not in (PENDING, RUNNING, INTERRUPTED)


def is_mistaken(job: Job) -> bool:
    """Whether a job failed because of what it was given, before it trained.

    Example:
        >>> mistake = "ConfigError: sweep.metric: the run will have no 'val/los'."
        >>> is_mistaken(Job("a", 0, "000", status=FAILED, error=mistake))
        True
    """
    kind = (job.error or "").partition(":")[0]
    return job.status == FAILED and kind in MISTAKES


def job_labels(
    overrides: Mapping[str, Sequence[str]], fixed: Collection[str] = ()
) -> dict[str, str]:
    """Returns what tells jobs apart: the overrides that not all of them have.

    Args:
        overrides: Those of each job, by its identity.
        fixed: Overrides that jobs elsewhere in the sweep have, too.

    Example:
        >>> job_labels({"a": ["data=digits", "seed=0"], "b": ["data=digits", "seed=1"]})
        {'a': 'seed=0', 'b': 'seed=1'}
        >>> job_labels({"a": ["lr=0.004043878009515107"]})
        {'a': 'lr=0.004044'}
    """
    shared = set(fixed)
    if len(overrides) > 1:
        shared |= set.intersection(*map(set, overrides.values()))
    return {
        identity: _shortened("_".join([o for o in given if o not in shared] or given))
        for identity, given in overrides.items()
    }


def _shortened(label: str) -> str:
    return re.sub(
        r"\d+\.\d{5,}(e-\d+)?", lambda number: f"{float(number[0]):.4g}", label
    )


def job_name(number: int, label: str) -> str:
    """Returns the name of a job's run folder.

    Example:
        >>> job_name(3, "seed=1")
        '003_seed=1'
    """
    return safe_name(f"{number:0{WIDTH}}_{label}".rstrip("_"))
