"""Lets each thread print into a file of its own."""

import io
import threading
from typing import TextIO


class PrintedByThread(io.TextIOBase):
    r"""A stream whose threads print into different files.

    Args:
        usual: Where threads print that have no file of their own.

    Example:
        >>> import sys
        >>> printed, file = PrintedByThread(sys.stdout), io.StringIO()
        >>> printed.to(file)
        >>> print("line", file=printed)
        >>> file.getvalue()
        'line\n'
    """

    def __init__(self, usual: TextIO) -> None:
        self._usual = usual
        self._files = threading.local()

    def to(self, file: TextIO) -> None:
        """Has this thread print into a file."""
        self._files.own = file

    def write(self, text: str) -> int:
        """Writes to the file of this thread."""
        return self._file.write(text)

    def flush(self) -> None:
        """Writes what the file has held back."""
        if not self._file.closed:
            self._file.flush()

    @property
    def _file(self) -> TextIO:
        return getattr(self._files, "own", self._usual)
