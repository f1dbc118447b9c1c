import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from gwbricks.training.freed_memory import keep_freed_memory

Maker = Callable[..., Any]

FAULTS = """
import resource, torch
from gwbricks.training.freed_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        kept = [torch.zeros(300_000) for _ in range(30)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
assert keep_freed_memory()
faults()
print(first, faults())
"""


@pytest.mark.slow
@pytest.mark.skipif(not keep_freed_memory(), reason="the C library is not glibc")
def test_system_is_not_asked_again_for_memory_that_was_freed() -> None:
    command = [sys.executable, "-c", FAULTS]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = map(int, run.stdout.split())
    assert after < before / 10


def test_a_trainer_of_the_users_own_manages_memory_as_before(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    keep_freed_memory.cache_clear()
    make_trainer().fit(make_scale(), batches(range(2)))
    assert not keep_freed_memory.cache_info().misses
