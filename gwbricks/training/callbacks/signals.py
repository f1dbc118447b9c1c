"""SIGTERM as an error that lets a run keep what it has."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: the same as Ctrl-C, but for the exit status."""


class Stopped(BaseException):
    """The same in a thread, where Lightning cannot handle Ctrl-C."""


class Termination:
    """What SIGTERM does: it raises once, so that cleaning up is not disturbed.

    Args:
        process: That of the process, if this one is of a thread.

    Attributes:
        is_deferred: Whether somebody calls `check` when it suits better.
    """

    def __init__(self, process: "Termination | None" = None) -> None:
        self.process = process
        self.is_deferred = False
        self._is_received = False
        self._is_raised = False

    @property
    def is_received(self) -> bool:
        """Whether the signal arrived."""
        return self._is_received or (
            self.process is not None and self.process.is_received
        )

    def receive(self) -> None:
        """Notes that the signal arrived, here or in another process."""
        self._is_received = True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles the signal."""
        self.receive()
        if not self.is_deferred:
            self.check()

    def check(self) -> None:
        """Raises what was deferred.

        Raises:
            Terminated: If the signal arrived.
            Stopped: If it did, in a thread.
        """
        if self.is_received and not self._is_raised:
            self._is_raised = True
            raise Terminated if self.process is None else Stopped


@contextmanager
def terminable() -> Iterator[Termination]:
    """Has SIGTERM raise `Terminated`; a thread has to ask for it with `check`."""
    previous = signal.getsignal(signal.SIGTERM)
    known = previous if isinstance(previous, Termination) else None
    if threading.current_thread() is not threading.main_thread():
        yield Termination(known)
    elif known is not None:
        yield known
    else:
        termination = Termination()
        signal.signal(signal.SIGTERM, termination)
        try:
            yield termination
        finally:
            signal.signal(signal.SIGTERM, previous)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turns what Lightning makes of Ctrl-C, the end of the program, into an error."""
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, Terminated):
            raise Terminated from error
        raise KeyboardInterrupt from error
    except Stopped as error:
        raise Terminated from error
