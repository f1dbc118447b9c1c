"""The whole of it on a Slurm of one machine, whose commands are in `fake_slurm.py`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gwbricks.cli.main import main

FAKE = Path(__file__).parents[1] / "sweeps" / "fake_slurm.py"
TROUBLE = """
import signal, time
from pathlib import Path
from lightning.pytorch import Callback


class Trouble(Callback):
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_fit_start(self, trainer, module) -> None:
        with Path("starts").open("a") as file:
            file.write(f"{self.seed} ")

    def on_train_epoch_start(self, trainer, module) -> None:
        if self.seed == 0:
            raise OSError("disk full")
        while trainer.current_epoch and not Path("go").exists():
            if signal.getsignal(signal.SIGTERM).is_received:
                break
            time.sleep(0.05)
"""
COMMAND = [
    *(sys.executable, "-m", "gwbricks", "train", "--trust", "trouble", "-m"),
    *("seed=0,1,2", "sweep.name=mine", "sweep.jobs=2", "logger=csv"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
    *("trainer.max_epochs=2", "+callbacks.trouble._target_=trouble.Trouble"),
    *("+callbacks.trouble.seed=${seed}", "hydra/launcher=slurm"),
    "hydra.launcher.poll_s=0.5",
]


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Puts the commands of Slurm on the path, and empties the queue at the end."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trouble.py").write_text(TROUBLE)
    folder = tmp_path / "slurm"
    queue = folder / "queue"
    queue.mkdir(parents=True)
    for name in ("sbatch", "srun", "squeue", "scancel", "scontrol"):
        (folder / name).write_text(f"#!{sys.executable}\n{FAKE.read_text()}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    yield queue
    running = [int(pid.read_text()) for pid in queue.glob("*.pid")]
    shutil.rmtree(queue)
    for group in running:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def jobs(folder: Path) -> dict[str, dict[str, Any]]:
    files = folder.glob("outputs/sweeps/mine/jobs/*.json")
    found = [json.loads(file.read_text()) for file in files]
    return {job["name"]: job for job in found}


def states(folder: Path) -> list[str]:
    return [job["status"] for _, job in sorted(jobs(folder).items())]


@pytest.mark.slow
def test_jobs_go_on_while_the_command_is_dead_and_when_their_time_is_up(
    tmp_path: Path, queue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = subprocess.Popen(COMMAND, start_new_session=True, stdout=subprocess.PIPE)
    last = "outputs/sweeps/mine/001_seed=1/checkpoints/last.ckpt"
    wait_for((tmp_path / last).exists)
    wait_for(lambda: states(tmp_path) == ["failed", "running", "running"])
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    (queue / "closed").touch()
    subprocess.run(["scancel", "--signal=SIGUSR2", "1_1"], check=True)
    wait_for(lambda: states(tmp_path)[1] == "interrupted")
    wait_for(lambda: (queue / "1_1").read_text() == "PENDING")
    main(["status", "outputs/sweeps/mine"])
    assert "3 jobs: 1 failed, 1 queued, 1 running" in capsys.readouterr().out

    second = subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert second.stdout is not None
    assert "1 of 3 jobs ended before" in second.stdout.readline()
    assert "2 jobs are in the queue of Slurm already" in second.stdout.readline()
    (tmp_path / "go").touch()
    (queue / "closed").unlink()
    _, err = second.communicate()
    assert second.returncode == 1
    assert "000_seed=0: OSError: disk full" in err
    assert states(tmp_path) == ["failed", "finished", "finished"]
    assert len(list(queue.glob("*.sh"))) == 1
    assert sorted((tmp_path / "starts").read_text().split()) == ["0", "1", "1", "2"]
    (log,) = (
        tmp_path / f"outputs/sweeps/mine/jobs/{job['identity']}.log"
        for name, job in jobs(tmp_path).items()
        if name == "001_seed=1"
    )
    assert f"going on from {last}" in log.read_text()


@pytest.mark.slow
def test_ctrl_c_takes_the_jobs_out_of_the_queue(tmp_path: Path, queue: Path) -> None:
    command = [*COMMAND, "seed=1,2", "sweep.jobs=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        wait_for(lambda: list(tmp_path.rglob("checkpoints/last.ckpt")))
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert process.returncode == 130
    assert "scancel 1_0 1_1" in out
    assert states(tmp_path) == ["interrupted", "pending"]
    assert not list(queue.glob("1_[01]"))
