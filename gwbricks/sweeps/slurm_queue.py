"""Which jobs of a user are in the queue of a Slurm cluster."""

import subprocess
import time
from functools import lru_cache
from pathlib import Path

WAITS, RUNS = "PENDING", "RUNNING"
FRESH = 5.0
"""Seconds after which a table asks for the queue again."""


def read_queue() -> dict[str, str]:
    """Returns the state of each job in the queue by its id, such as `17` or `17_2`.

    Raises:
        OSError: If there is no `squeue` here.
        subprocess.SubprocessError: If it does not answer.
    """
    command = ["squeue", "--me", "--noheader", "--array", "--format=%i %T"]
    found = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True
    )
    pairs = (line.split() for line in found.stdout.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def queued_state(ticket: Path) -> str | None:
    """Returns a job's state in the queue; None if it is not there, or nobody knows.

    Args:
        ticket: File with the id of the job, if it was ever in the queue.
    """
    number = read_ticket(ticket)
    if number is None:
        return None
    return _queue_of(int(time.monotonic() / FRESH)).get(number)


def read_ticket(ticket: Path) -> str | None:
    """Returns the id that a job was given when it was last put into the queue."""
    try:
        return ticket.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


@lru_cache(maxsize=1)
def _queue_of(moment: int) -> dict[str, str]:
    del moment  # only the key of the cache: a new one asks again
    try:
        return read_queue()
    except (OSError, subprocess.SubprocessError):
        return {}
