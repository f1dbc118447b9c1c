"""Imports a fifth faster: without the garbage collector. Commands do it."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Pauses the collector, which would look through all modules again and again.

    What is there after a first import stays for good, and is left out of later
    collections.
    """
    if not gc.isenabled():
        yield
        return
    known = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()
        gc.enable()
