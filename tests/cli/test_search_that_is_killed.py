"""The whole of it: a study of twelve trials that is killed, and goes on."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial

from gwbricks.sweeps.search.study import NAME, study_storage

TRIALS = 12
COUNTER = """
from pathlib import Path
from lightning.pytorch import Callback


class Counter(Callback):
    def on_fit_start(self, trainer, module) -> None:
        with Path("starts").open("a") as file:
            file.write(f"{module.folder.name}\\n")
"""
COMMAND = [
    *(sys.executable, "-m", "gwbricks", "train", "--trust", "counter", "-m"),
    *("hydra/sweeper=optuna", "sweep.name=mine", f"hydra.sweeper.trials={TRIALS}"),
    "hydra.sweeper.pruner={name: median, n_startup_trials: 2}",
    "optimizer.lr=tag(log,interval(1e-6,1e-1))",
    *("workspace.dim=4,8", "scheduler=null", "logger=csv", "callbacks.progress=null"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
    *("data.num_train=64", "data.num_val=32", "trainer.max_epochs=3"),
    "+callbacks.counter={_target_: counter.Counter}",
]


def trials(folder: Path, storage: str) -> list[FrozenTrial]:
    kept = study_storage(storage, folder)
    return optuna.load_study(study_name=NAME, storage=kept).trials


def ended(folder: Path) -> int:
    return len(re.findall(r'"status": "(?:finished|pruned)"', records(folder)))


def records(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("jobs/*.json"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("storage", "jobs"),
    [pytest.param("sqlite", 1, id="sqlite"), pytest.param("journal", 2, id="journal")],
)
def test_every_trial_ends_and_none_is_lost_or_repeated(
    tmp_path: Path, storage: str, jobs: int
) -> None:
    (tmp_path / "counter.py").write_text(COUNTER)
    folder = tmp_path / "outputs/sweeps/mine"
    command = [*COMMAND, f"hydra.sweeper.storage={storage}", f"sweep.jobs={jobs}"]
    first = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 600
    while ended(folder) < 5:
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = [t for t in trials(folder, storage) if t.state.is_finished()]
    started = Counter((tmp_path / "starts").read_text().split())
    assert 0 < len(before) < TRIALS

    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert second.returncode == 0, second.stderr
    after = trials(folder, storage)
    states = Counter(trial.state.name for trial in after)
    assert states.keys() == {"COMPLETE", "PRUNED"}
    assert states.total() == TRIALS
    assert states["PRUNED"] >= 1
    assert [after[t.number].params for t in before] == [t.params for t in before]
    assert len({str(trial.params) for trial in after}) == TRIALS
    again = Counter((tmp_path / "starts").read_text().split())
    assert len(again) == TRIALS
    for trial in before:
        assert again[trial.user_attrs["run"]] == started[trial.user_attrs["run"]] == 1
    assert again.total() <= TRIALS + jobs  # only what was running started twice
    assert records(folder).count('"status": "pruned"') == states["PRUNED"]
    runs = "".join(path.read_text() for path in folder.glob("*/run.json"))
    assert runs.count('"status": "pruned"') == states["PRUNED"]
    assert re.search(r"best trial: val/loss .*\n  gwbricks train ", second.stdout)
    assert "importance" in (folder / "study.svg").read_text()
