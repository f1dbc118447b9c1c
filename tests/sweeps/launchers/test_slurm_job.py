"""A job in an allocation of submitit's local executor."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import hydra
import pytest
from hydra import initialize_config_dir
from omegaconf import OmegaConf
from submitit import LocalExecutor

from gwbricks.config.search_path import packaged_configs
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.launchers import slurm_job
from gwbricks.sweeps.launchers.slurm_job import SlurmJob
from gwbricks.sweeps.sweep_folder import SweepFolder

SLOW = """
import time
from lightning.pytorch import Callback


class Slow(Callback):
    def on_train_batch_end(self, *_) -> None:
        time.sleep(0.1)
"""
OVERRIDES = [
    *("sweep.name=mine", "sweep.jobs=4", "logger=csv", "trainer.max_epochs=100"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
    "+callbacks.slow._target_=slow.Slow",
]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobSpec:
    """A job that is planned and would take long."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slow.py").write_text(SLOW)
    with initialize_config_dir(str(packaged_configs()), version_base="1.3"):
        cfg = hydra.compose("train", OVERRIDES, return_hydra_config=True)
    config = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=False))
    config["hydra"]["launcher"] = {"engine": "hydra_plugins._gwbricks.Slurm"}
    spec = JobSpec(config, trusted=("slow",))
    spec.sweep.plan({spec.identity: ["seed=0"]})
    return spec


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_job_whose_time_is_up_goes_on_as_often_as_it_may(
    spec: JobSpec, tmp_path: Path
) -> None:
    executor = LocalExecutor(tmp_path / "logs", max_num_timeout=1)
    executor.update_parameters(timeout_min=9)
    job = executor.submit(SlurmJob(str(tmp_path)), spec)
    sweep, log = spec.sweep, spec.sweep.log(spec.identity)
    run = sweep.path / sweep.read(spec.identity).name
    wait_for((run / "checkpoints/last.ckpt").exists)
    _time_is_up(job.job_id)
    wait_for(lambda: "going on from" in log.read_text())
    wait_for(lambda: sweep.read(spec.identity).status == "running")
    _time_is_up(job.job_id)
    assert "timed-out too many times" in str(job.exception())
    found = sweep.read(spec.identity)
    assert (found.status, found.attempts) == ("interrupted", 0)
    assert found.error == (
        "not queued again: UncompletedJobError: Job not requeued because: timed-out too"
        " many times."
    )
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"


def _time_is_up(controller: str) -> None:
    """Sends submitit's signal to the task of its controller, as Slurm would."""
    task = subprocess.check_output(["pgrep", "-P", controller], text=True)
    os.kill(int(task), signal.SIGUSR2)


@pytest.fixture
def attempted(
    spec: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Runs a job that only receives a signal, and ends with a status."""
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "local")
    monkeypatch.setenv("SUBMITIT_LOCAL_JOB_ID", "1")
    monkeypatch.setenv("SUBMITIT_FOLDER", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_NAME", "any")
    before = {n: signal.getsignal(n) for n in (signal.SIGUSR2, signal.SIGTERM)}

    def attempted(status: str, number: signal.Signals, handler: Any) -> None:  # noqa: ANN401
        def attempt_now(spec: JobSpec, is_stopped: Callable[[], bool]) -> None:
            assert not is_stopped()
            os.kill(os.getpid(), number)
            assert is_stopped()
            job = spec.sweep.read(spec.identity).begun()
            spec.sweep.write(job.ended(status))

        monkeypatch.setattr(slurm_job, "attempt_now", attempt_now)
        signal.signal(signal.SIGUSR2, handler)
        try:
            SlurmJob(str(tmp_path))(spec)
        finally:
            for n, previous in before.items():
                signal.signal(n, previous)

    return attempted


def test_job_that_ends_just_in_time_is_not_queued_again(
    attempted: Callable[..., None], tmp_path: Path
) -> None:
    pickle = tmp_path / "1_submitted.pkl"
    pickle.touch()
    attempted("finished", signal.SIGUSR2, pytest.fail)
    assert not pickle.exists()


def test_job_that_makes_room_is_left_to_slurm(attempted: Callable[..., None]) -> None:
    with pytest.raises(SystemExit, match="143"):
        attempted("interrupted", signal.SIGTERM, pytest.fail)


def test_job_that_cannot_be_queued_again_says_why(
    attempted: Callable[..., None], tmp_path: Path
) -> None:
    def handler(number: int, frame: object) -> None:
        raise FileNotFoundError("no scontrol")

    with pytest.raises(FileNotFoundError):
        attempted("interrupted", signal.SIGUSR2, handler)
    (job,) = SweepFolder(tmp_path / "outputs/sweeps/mine").jobs()
    assert job.error == "not queued again: FileNotFoundError: no scontrol"
