"""Ctrl-C and SIGTERM, as a shell and a cluster send them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SLOW = """
import time
from lightning.pytorch import Callback


class Slow(Callback):
    def on_train_batch_end(self, *_) -> None:
        time.sleep(0.2)
"""
COMMAND = [
    *(sys.executable, "-m", "gwbricks", "train", "--trust", "slow", "logger=csv"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
    *("trainer.max_epochs=2", "+callbacks.slow._target_=slow.Slow"),
]
SWEEP = [*COMMAND, "-m", "seed=0,1,2", "sweep.name=mine", "sweep.jobs=2"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(SLOW)
    return tmp_path


def stop(command: list[str], folder: Path, number: signal.Signals) -> int:
    """Sends a signal once the first epoch has ended, and returns the exit status."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while not list(folder.rglob("checkpoints/last.ckpt")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
    return process.returncode


def records(folder: Path, pattern: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob(pattern))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"),
    [
        pytest.param(signal.SIGINT, 130, id="ctrl-c"),
        pytest.param(signal.SIGTERM, 143, id="sigterm"),
    ],
)
def test_stopped_sweep_goes_on_in_the_same_run_folders(
    folder: Path, number: signal.Signals, status: int
) -> None:
    assert stop(SWEEP, folder, number) == status
    jobs = records(folder, "outputs/sweeps/mine/jobs/*.json")
    assert {job["status"] for job in jobs} == {"interrupted", "pending"}
    runs = records(folder, "outputs/sweeps/mine/*/run.json")
    assert {run["status"] for run in runs} == {"interrupted"}
    assert subprocess.run(SWEEP, cwd=folder, capture_output=True).returncode == 0
    again = records(folder, "outputs/sweeps/mine/*/run.json")
    assert [run["status"] for run in again] == ["finished"] * 3
    assert [run["started"] for run in again[: len(runs)]] == [
        r["started"] for r in runs
    ]
    logs = [p.read_text() for p in folder.glob("outputs/sweeps/mine/jobs/*.log")]
    assert sum("going on from" in log for log in logs) >= 1


@pytest.mark.slow
def test_single_run_that_is_terminated_says_so(folder: Path) -> None:
    assert stop(COMMAND, folder, signal.SIGTERM) == 143
    (run,) = records(folder, "outputs/main_example/*/run.json")
    assert run["status"] == "interrupted"
