"""Stops the jobs of a sweep in good order, in whatever processes they are."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from gwbricks.training.callbacks.signals import Terminated


@contextmanager
def stoppable(stop: Path) -> Iterator[None]:
    """Has Ctrl-C and SIGTERM make a file that tells the jobs to keep what they have.

    The name of the signal is in it.

    Once they have, it raises what the signal asked for. A second signal does not wait.

    Args:
        stop: The file.

    Raises:
        KeyboardInterrupt: After Ctrl-C.
        Terminated: After SIGTERM.
    """
    received: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        # A file, because jobs may be on other machines, where no signal reaches them.
        stop.write_text(signal.Signals(number).name, encoding="utf-8")
        if received:
            raise KeyboardInterrupt
        received.append(number)

    is_main = threading.current_thread() is threading.main_thread()
    handled = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    previous: dict[int, Callable[..., Any] | int | None] = {
        number: signal.signal(number, ask) for number in handled
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        stop.unlink(missing_ok=True)
    if received:
        raise Terminated if received[0] == signal.SIGTERM else KeyboardInterrupt
