"""The whole of it: jobs of a sweep in one process, one of which diverges."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TROUBLE = """
import time, torch
from lightning.pytorch import Callback


class Trouble(Callback):
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer, module, batch, batch_idx) -> None:
        time.sleep(0.1)
        if self.seed == 1:
            for parameter in module.parameters():
                parameter.data.fill_(torch.nan)
"""
JOBS = ["seed=0,1,2", "sweep.name=mine", "logger=csv"]
SHORT = [
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
    *("trainer.max_epochs=2", "hydra/launcher=stacked"),
]
COMMAND = [
    *(sys.executable, "-m", "gwbricks", "train", "--trust", "trouble", "-m"),
    *(*JOBS, *SHORT, "+callbacks.trouble={_target_: trouble.Trouble, seed: '${seed}'}"),
]


def records(folder: Path, pattern: str) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in folder.glob(pattern)]
    return sorted(found, key=lambda job: job.get("number", 0))


@pytest.mark.slow
def test_stack_is_stopped_goes_on_and_one_job_fails(tmp_path: Path) -> None:
    (tmp_path / "trouble.py").write_text(TROUBLE)
    with subprocess.Popen(COMMAND, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        while len(list(tmp_path.rglob("checkpoints/last.ckpt"))) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 143
    jobs = records(tmp_path, "outputs/sweeps/mine/jobs/*.json")
    assert [job["status"] for job in jobs] == ["interrupted", "failed", "interrupted"]
    again = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 1
    assert "DivergedError" in again.stderr
    jobs = records(tmp_path, "outputs/sweeps/mine/jobs/*.json")
    assert [job["status"] for job in jobs] == ["finished", "failed", "finished"]
    logs = [tmp_path / f"outputs/sweeps/mine/jobs/{j['identity']}.log" for j in jobs]
    texts = [log.read_text() for log in logs]
    assert ["going on from" in text for text in texts] == [True, False, True]
    assert [job["name"] in text for job, text in zip(jobs, texts, strict=True)][
        ::2
    ] == [
        True,
        True,
    ]


def test_sweep_that_cannot_be_stacked_is_refused(cli: Callable[..., Any]) -> None:
    outcome = cli("train", "-m", "workspace.dim=4,8", *SHORT, "sweep.name=mine")
    assert outcome.status == 2
    assert (
        "workspace.dim: 4, 8: jobs that differ in it cannot be stacked" in outcome.err
    )
    done = records(Path(), "outputs/sweeps/mine/jobs/*.json")
    assert {job["status"] for job in done} <= {"pending"}
