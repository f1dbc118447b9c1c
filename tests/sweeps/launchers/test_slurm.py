"""Queueing and waiting, around a submitit that only pretends to put jobs anywhere."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gwbricks.errors import ConfigError
from gwbricks.sweeps import slurm_queue
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.launchers import slurm
from gwbricks.sweeps.launchers.slurm import SlurmLauncher
from gwbricks.sweeps.stopping import stoppable
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.task import SweepTask

JOBS = ("a", "b")


class Cluster:
    """What is in the queue, and what becomes of a job at each look at it."""

    def __init__(self, folder: Path) -> None:
        self.sweep = SweepFolder(folder / "sweeps" / "mine")
        self.queue: dict[str, str] = {}
        self.submitted: list[list[str]] = []
        self.parameters: dict[str, Any] = {}
        self.look: Callable[[], object] = lambda: None

    def read_queue(self) -> dict[str, str]:
        queue = dict(self.queue)
        self.look()
        return queue

    def submit(self, specs: Sequence[JobSpec]) -> list[SimpleNamespace]:
        self.submitted.append([spec.identity for spec in specs])
        ids = [f"{len(self.submitted)}_{spec.identity}" for spec in specs]
        self.queue |= dict.fromkeys(ids, "PENDING")
        return [SimpleNamespace(job_id=number) for number in ids]

    def end(self, identity: str, status: str, attempts: int = 0) -> None:
        """Takes a job out of the queue; its record says how far it was."""
        job = replace(self.sweep.read(identity), status=status, attempts=attempts)
        self.sweep.write(job)
        self.queue = {n: s for n, s in self.queue.items() if n[-1] != identity}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster(tmp_path)
    cluster.sweep.plan({job: [f"seed={job}"] for job in JOBS})

    class Executor:
        def __init__(self, folder: Path, kind: str, **settings: Any) -> None:
            cluster.parameters.update(settings)

        def update_parameters(self, **settings: Any) -> None:
            cluster.parameters.update(settings)

        def map_array(self, what: object, specs: Sequence[JobSpec]) -> object:
            return cluster.submit(specs)

    monkeypatch.setattr("submitit.AutoExecutor", Executor)
    monkeypatch.setattr(slurm, "read_queue", cluster.read_queue)
    monkeypatch.setattr("shutil.which", lambda name: name)
    return cluster


def run(cluster: Cluster, jobs: int | None = None, **settings: Any) -> None:
    sweep = {"name": "mine", "jobs": jobs, "attempts": 3}
    outputs = str(cluster.sweep.path.parents[1])
    config = {"sweep": sweep, "paths": {"outputs": outputs}, "hydra": {}}
    specs = [JobSpec(config) for _ in JOBS]
    for spec, identity in zip(specs, JOBS, strict=True):
        spec.__dict__["identity"] = identity
    launcher = SlurmLauncher(str(cluster.sweep.path), 0.0, 3, **settings)
    task = SweepTask()
    with stoppable(task.stop_file(cluster.sweep)):
        launcher.run(task, specs)


def finish_all(cluster: Cluster) -> None:
    for job in JOBS:
        cluster.end(job, "finished")


def test_jobs_are_queued_together_with_the_settings_of_slurm(cluster: Cluster) -> None:
    cluster.look = lambda: cluster.submitted and finish_all(cluster)
    run(cluster, jobs=5, partition="gpu", timeout_min=30, cpus_per_task="auto")
    assert cluster.submitted == [["a", "b"]]
    assert cluster.parameters == {
        "slurm_max_num_timeout": 3,
        "slurm_partition": "gpu",
        "slurm_array_parallelism": 5,
        "timeout_min": 30,
        "cpus_per_task": None,
        "stderr_to_stdout": True,
    }
    assert cluster.sweep.ticket("b").read_text() == "1_b"


def test_job_in_the_queue_is_waited_for_and_not_queued_twice(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.sweep.ticket("a").write_text("7_a")
    cluster.queue["7_a"] = "PENDING"
    cluster.look = lambda: cluster.submitted and finish_all(cluster)
    run(cluster)
    assert cluster.submitted == [["b"]]
    assert "1 job is in the queue of Slurm already" in capsys.readouterr().out


def test_requeued_job_is_waited_for(cluster: Cluster) -> None:
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 2:
            cluster.sweep.write(replace(cluster.sweep.read("a"), status="interrupted"))
        if len(looks) == 6:
            finish_all(cluster)

    cluster.look = look
    run(cluster)
    assert cluster.submitted == [["a", "b"]]
    assert cluster.sweep.read("a").status == "finished"


def test_job_that_leaves_the_queue_before_it_begins_is_not_queued_again(
    cluster: Cluster,
) -> None:
    log = cluster.sweep.path / "1_a_0_log.out"
    log.write_text("hello\nslurmstepd: error: JOB CANCELLED\n\n")
    cluster.look = lambda: [cluster.end(job, "pending") for job in JOBS]
    run(cluster)
    assert len(cluster.submitted) == 1
    cause = "job 1_a of Slurm ended: slurmstepd: error: JOB CANCELLED"
    assert [(j.status, j.error) for j in cluster.sweep.jobs()] == [
        ("killed", cause),
        ("killed", "job 1_b of Slurm ended: it printed nothing"),
    ]


def test_job_that_dies_is_queued_again_as_often_as_it_may_be(cluster: Cluster) -> None:
    def look() -> None:
        for job in JOBS:
            if cluster.submitted:
                cluster.end(job, "running", len(cluster.submitted))

    cluster.look = look
    run(cluster)
    assert cluster.submitted == [["a", "b"]] * 3
    assert {job.status for job in cluster.sweep.jobs()} == {"killed"}
    assert cluster.sweep.read("a").error == (
        "job 3_a of Slurm ended: it printed nothing (3 times)"
    )


def test_job_that_was_stopped_is_left_to_the_next_command(cluster: Cluster) -> None:
    cluster.look = lambda: [cluster.end(job, "interrupted") for job in JOBS]
    run(cluster)
    assert len(cluster.submitted) == 1
    assert {job.status for job in cluster.sweep.jobs()} == {"interrupted"}


@pytest.mark.parametrize(
    ("number", "cancelled", "printed"),
    [
        pytest.param(signal.SIGINT, "1_a 1_b", "scancel 1_a 1_b", id="ctrl-c"),
        pytest.param(signal.SIGTERM, "", "the jobs stay in the queue", id="sigterm"),
    ],
)
def test_only_ctrl_c_takes_jobs_out_of_the_queue(
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    cancelled: str,
    printed: str,
) -> None:
    given: list[str] = []

    def scancel(command: list[str], **_: object) -> None:
        given.extend(command[1:])
        cluster.queue.clear()

    monkeypatch.setattr(subprocess, "run", scancel)
    cluster.look = lambda: cluster.submitted and os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt):
        run(cluster)
    assert " ".join(given) == cancelled
    assert printed in capsys.readouterr().out


def test_queue_that_does_not_answer_stops_a_sweep_before_it_starts(
    cluster: Cluster,
) -> None:
    def look() -> None:
        raise subprocess.CalledProcessError(1, "squeue")

    cluster.look = look
    with pytest.raises(ConfigError, match=r"squeue does not answer: .* Fix: try again"):
        run(cluster)
    assert not cluster.submitted


def test_queue_that_does_not_answer_later_is_asked_again(cluster: Cluster) -> None:
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 4:
            finish_all(cluster)
        elif len(looks) > 1:
            raise OSError("timed out")

    cluster.look = look
    run(cluster)
    assert cluster.sweep.read("a").status == "finished"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(
            RuntimeError("trace\nsbatch: error: invalid partition: x\nsbatch failed"),
            "slurm: sbatch: error: invalid partition: x$",
            id="slurm",
        ),
        pytest.param(
            AssertionError('Parameter "timeout_min" expected type int'),
            'slurm: Parameter "timeout_min" expected',
            id="submitit",
        ),
        pytest.param(
            NameError("Unknown argument 'foo'\nAs a reminder"),
            "slurm: Unknown argument 'foo'$",
            id="unknown-setting",
        ),
        pytest.param(RuntimeError(), "slurm: RuntimeError$", id="nothing-said"),
    ],
)
def test_what_is_wrong_with_a_setting_is_said_in_a_line(
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    message: str,
) -> None:
    def submit(specs: object) -> None:
        raise error

    monkeypatch.setattr(cluster, "submit", submit)
    with pytest.raises(ConfigError, match=message):
        run(cluster)
    assert {job.status for job in cluster.sweep.jobs()} == {"pending"}


def test_queue_is_read_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\nprintf '17 RUNNING\\n18_0 PENDING\\n\\n'\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert slurm_queue.read_queue() == {"17": "RUNNING", "18_0": "PENDING"}


def test_state_of_a_job_that_nobody_can_ask_for_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm_queue._queue_of.cache_clear()
    ticket = tmp_path / "a.slurm"
    assert slurm_queue.queued_state(ticket) is None
    ticket.write_text("17")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm_queue.queued_state(ticket) is None
    slurm_queue._queue_of.cache_clear()
