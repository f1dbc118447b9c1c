"""Freed memory is kept for the next step, not given back to the system."""

import ctypes
import platform
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
KEPT = 2**30
"""Bytes that stay with the process, and size of a block above which none does."""


@cache
def keep_freed_memory() -> bool:
    """Has glibc keep what a step frees, for the process and as long as it lives.

    Else it gives blocks of some hundred kilobytes back and asks for them again in the
    next step, and the system clears every page: up to 3 % of a step on a CPU at 128
    rows a group, a quarter at 512. Runs ask for it, and nothing that a library user
    calls does.

    Returns:
        Whether the C library is glibc, which can be told so.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(what, KEPT) for what in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD))
