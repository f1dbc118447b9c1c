"""The whole of it: twenty jobs, three of which fail, in a sweep that is killed once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TROUBLE = """
import os, signal
from pathlib import Path
import torch
from lightning.pytorch import Callback


class Trouble(Callback):
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_fit_start(self, trainer, module) -> None:
        with Path("starts").open("a") as file:
            file.write(f"{self.seed} ")

    def on_train_batch_start(self, trainer, module, batch, batch_idx) -> None:
        if self.seed == 3:
            raise OSError("disk full")
        if self.seed == 8:
            for parameter in module.parameters():
                parameter.data.fill_(torch.nan)
        if self.seed == 16:
            os.kill(os.getpid(), signal.SIGKILL)
"""
JOBS = 20
COMMAND = [
    *(sys.executable, "-m", "gwbricks", "train", "--trust", "trouble", "-m"),
    *("seed=range(20)", "sweep.name=mine", "sweep.jobs=2", "logger=csv"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
    "trainer.max_epochs=1",
    "+callbacks.trouble={_target_: trouble.Trouble, seed: '${seed}'}",
]


def records(folder: Path) -> list[dict[str, object]]:
    files = folder.glob("outputs/sweeps/mine/jobs/*.json")
    found = [json.loads(file.read_text()) for file in files]
    return sorted(found, key=lambda job: job["number"])


def finished(folder: Path) -> set[str]:
    return {str(job["name"]) for job in records(folder) if job["status"] == "finished"}


def starts(folder: Path) -> list[str]:
    path = folder / "starts"
    return path.read_text().split() if path.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_every_job_is_tried_and_none_is_run_twice(
    tmp_path: Path, launcher: str
) -> None:
    (tmp_path / "trouble.py").write_text(TROUBLE)
    command = [*COMMAND, f"hydra/launcher={launcher}"]
    first = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 600
    while len(finished(tmp_path)) < 6:
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    done, before = finished(tmp_path), len(starts(tmp_path))
    assert len(done) < JOBS - 3

    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert second.returncode == 1
    assert {str(job["status"]) for job in records(tmp_path)} == {
        *("finished", "failed", "killed")
    }
    assert len(finished(tmp_path)) == JOBS - 3
    assert set(starts(tmp_path)) == {str(seed) for seed in range(JOBS)}
    again = {f"{int(seed):03}_seed={seed}" for seed in starts(tmp_path)[before:]}
    assert not done & again
    assert "3 jobs failed:\n" in second.stderr
    assert "003_seed=3: OSError: disk full\n" in second.stderr
    assert "008_seed=8: DivergedError: " in second.stderr
    assert "016_seed=16: its process was killed by SIGKILL (3 times)" in second.stderr
    runs = {
        path.parent.name: json.loads(path.read_text())["status"]
        for path in tmp_path.glob("outputs/sweeps/mine/*/run.json")
    }
    assert sorted(runs.values()) == ["failed"] * 3 + ["finished"] * (JOBS - 3)
