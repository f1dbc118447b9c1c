"""Processes that train together give the numbers of one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("train_digits.py")


def numbers(processes: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, SCRIPT, str(processes)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert "sync_dist" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one() -> None:
    """One of them has a batch less, both in validation and in test."""
    one, two = numbers(1), numbers(2)
    for name in ("test", "test_noisy"):
        assert two[f"{name}/confusion"] == one[f"{name}/confusion"]
        assert sum(map(sum, two[f"{name}/confusion"])) == 400
    assert two["test/confusion"] != two["test_noisy/confusion"]
    assert sum(map(sum, two["val/confusion"])) == 200
    assert two.keys() == one.keys() > {"test/each", "test/all", "test/auroc"}
    scalars = {name for name in one if not isinstance(one[name], list)}
    assert {n: two[n] for n in scalars} == pytest.approx(
        {n: one[n] for n in scalars}, rel=1e-4
    )
    assert one["test/all"] > 0.5
