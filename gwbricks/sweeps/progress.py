"""Prints a line for each job that ends while a sweep runs."""

import threading
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console

from gwbricks.print_line import print_line
from gwbricks.sweeps.job_table import duration
from gwbricks.sweeps.record import has_ended, INTERRUPTED
from gwbricks.sweeps.sweep_folder import SweepFolder

POLL = 0.3
"""Seconds between two looks at the records."""


class Progress:
    """Prints a line for each job that ends between entering and leaving.

    Args:
        sweep: The sweep.
        identities: Its jobs.
        before: How many jobs of the sweep were launched before these.
        total: How many there will be.
    """

    def __init__(
        self, sweep: SweepFolder, identities: Sequence[str], before: int, total: int
    ) -> None:
        self.sweep, self.before, self.total = sweep, before, total
        self.count = len(identities)
        self.open = {i: sweep.read(i) for i in identities}
        self.console = Console()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        ended = [i for i, job in self.open.items() if has_ended(job)]
        for identity in ended:
            del self.open[identity]
        if ended:
            self._tell(f"{len(ended)} of {self.count} jobs ended before")
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._stop.wait(POLL):
            self._look()

    def _look(self) -> None:
        for identity, before in list(self.open.items()):
            job = self.sweep.read(identity)
            self.open[identity] = job
            if has_ended(job):
                del self.open[identity]
            elif job.status != INTERRUPTED or before.status == INTERRUPTED:
                continue
            count = self.before + self.count - len(self.open)
            cause = f": {job.error}" if job.error else ""
            how = f"{job.status} after {duration(job.seconds)}{cause}"
            self._tell(f"[{count}/{self.total}] {job.name} {how}")

    def _tell(self, line: str) -> None:
        print_line(self.console, line)
