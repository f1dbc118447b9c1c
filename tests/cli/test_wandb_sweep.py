"""The whole of it: twenty jobs of one sweep, read back from W&B's offline files."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

TROUBLE = """
import os, signal
from pathlib import Path
import torch
from lightning.pytorch import Callback


class Trouble(Callback):
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer, module, batch, batch_idx) -> None:
        if trainer.current_epoch == 0:
            return
        if self.seed == 3:
            raise OSError("disk full")
        if self.seed == 8:
            for parameter in module.parameters():
                parameter.data.fill_(torch.nan)
        if self.seed == 16 and not Path("killed").exists():
            Path("killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
"""
COMMAND = [
    *(sys.executable, "-m", "gwbricks", "train", "--trust", "trouble", "-m"),
    *("seed=range(20)", "sweep.name=mine", "sweep.jobs=2", "logger=wandb"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
    *("trainer.max_epochs=2", "data.num_train=64", "data.num_val=32"),
    "+callbacks.trouble={_target_: trouble.Trouble, seed: '${seed}'}",
]
FAILED, KILLED = {3, 8}, 16
STEPS = 4


@pytest.mark.slow
def test_twenty_runs_of_a_sweep_are_twenty_runs_in_one_group(
    tmp_path: Path, read_wandb_file: Callable[[Path], Any]
) -> None:
    (tmp_path / "trouble.py").write_text(TROUBLE)
    done = subprocess.run(COMMAND, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "2 jobs failed:" in done.stderr
    sweep = tmp_path / "outputs" / "sweeps" / "mine"
    ids, types = [], set()
    for folder in sorted(path.parent for path in sweep.glob("*/run.json")):
        config = yaml.safe_load((folder / "config.yaml").read_text())
        seed = config["seed"]
        files = sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))
        assert len(files) == (2 if seed == KILLED else 1)
        last = read_wandb_file(files[-1])  # the first of two lost what was in memory
        assert {file.stem for file in files} == {f"run-{last.run['run_id']}"}
        ids.append(last.run["run_id"])
        types.add((last.run["run_group"], last.run["job_type"]))
        assert last.run["display_name"] == folder.name == f"{seed:03}_seed={seed}"
        assert last.config == config
        assert last.exit_code == (1 if seed in FAILED else 0)
        first, end = STEPS // 2 * (seed == KILLED), STEPS // (1 + (seed in FAILED))
        check_history(last.history, set(range(first, end)))
        if seed not in FAILED:
            check_summary(last.summary, folder)
    assert len(set(ids)) == len(ids) == 20
    assert types == {("mine", "train")}


def check_history(rows: list[dict[str, Any]], trained: set[int]) -> None:
    steps = [row["_step"] for row in rows]
    assert steps == sorted(set(steps))
    found = {row["trainer/global_step"] for row in rows if "train/loss" in row}
    assert found == trained
    assert sum("val/loss" in row for row in rows) == len(trained) // (STEPS // 2)


def check_summary(summary: dict[str, Any], folder: Path) -> None:
    numbers = json.loads((folder / "metrics.json").read_text())
    best = [numbers["val"]["loss"], numbers["test"]["loss"]]
    found = [summary["best/val/loss"], summary["test/loss"]]
    assert found == pytest.approx(best)
    assert summary["val/loss"] >= summary["best/val/loss"] - 1e-6
