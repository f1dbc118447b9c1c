"""SIGTERM as an error that lets a run keep what it has."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: the same as Ctrl-C, but for the exit status."""


class Termination:
    """What SIGTERM does: it raises once, so that cleaning up is not disturbed.

    Attributes:
        is_deferred: Whether somebody calls `check` when it suits better.
    """

    def __init__(self) -> None:
        self.is_deferred = False
        self.is_received = False
        self._is_raised = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles the signal."""
        self.is_received = True
        if not self.is_deferred:
            self.check()

    def check(self) -> None:
        """Raises what was deferred.

        Raises:
            Terminated: If the signal arrived.
        """
        if self.is_received and not self._is_raised:
            self._is_raised = True
            raise Terminated


@contextmanager
def terminable() -> Iterator[Termination]:
    """Has SIGTERM raise `Terminated`; in a thread it changes nothing."""
    previous = signal.getsignal(signal.SIGTERM)
    if isinstance(previous, Termination):
        yield previous
    elif threading.current_thread() is not threading.main_thread():
        yield Termination()
    else:
        termination = Termination()
        signal.signal(signal.SIGTERM, termination)
        try:
            yield termination
        finally:
            signal.signal(signal.SIGTERM, previous)
