import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gwbricks.sweeps.record import Job
from gwbricks.sweeps.sweep_folder import SweepFolder


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    return SweepFolder(tmp_path / "sweep")


@pytest.fixture
def job(sweep: SweepFolder) -> Callable[..., Job]:
    """Plans a job, and gives it a status and a run folder."""

    def job(status: str = "pending", attempts: int = 0) -> Job:
        sweep.plan({"a": ["seed=0"]})
        job = replace(sweep.read("a"), status=status, attempts=attempts)
        sweep.write(job)
        run = sweep.path / job.name
        run.mkdir()
        (run / "run.json").write_text(json.dumps({"status": "running"}))
        return job

    return job


def names(sweep: SweepFolder) -> dict[str, str]:
    return {job.identity: job.name for job in sweep.jobs()}


def test_jobs_are_numbered_and_named_by_what_differs(sweep: SweepFolder) -> None:
    sweep.plan({"a": ["x=1", "seed=0"], "b": ["x=1", "seed=1"]})
    assert names(sweep) == {"a": "000_seed=0", "b": "001_seed=1"}


def test_jobs_keep_their_names_when_order_and_number_of_jobs_change(
    sweep: SweepFolder,
) -> None:
    sweep.plan({"a": ["seed=0"], "b": ["seed=1"]})
    sweep.plan({"c": ["seed=2"], "b": ["seed=1"], "d": ["seed=3"]})
    expected = {"a": "000_seed=0", "b": "001_seed=1", "c": "002_seed=2"}
    assert names(sweep) == {**expected, "d": "003_seed=3"}


@pytest.mark.parametrize(
    ("status", "retry", "expected"),
    [
        pytest.param("failed", False, "failed", id="failed"),
        pytest.param("failed", True, "pending", id="failed-retried-afresh"),
        pytest.param(
            "killed", True, "interrupted", id="killed-retried-from-checkpoint"
        ),
        pytest.param("interrupted", False, "interrupted", id="interrupted"),
        pytest.param("running", True, "running", id="running"),
    ],
)
def test_failed_jobs_are_retried_on_request(
    sweep: SweepFolder,
    job: Callable[..., Job],
    status: str,
    retry: bool,
    expected: str,
) -> None:
    job(status, attempts=3)
    sweep.plan({"a": ["seed=0"]}, retry=retry)
    assert sweep.read("a").status == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param("ConfigError: sweep.metric: no", "pending", id="mistake"),
        pytest.param("UnknownNameError: x: unknown", "pending", id="unknown-name"),
        pytest.param("OSError: ConfigError: full", "failed", id="other"),
    ],
)
def test_job_that_failed_by_a_mistake_is_tried_again(
    sweep: SweepFolder, job: Callable[..., Job], error: str, expected: str
) -> None:
    sweep.write(replace(job("failed"), error=error))
    sweep.plan({"a": ["seed=0"]})
    assert sweep.read("a").status == expected


def test_finished_job_is_run_again_only_if_its_folder_was_removed(
    sweep: SweepFolder, job: Callable[..., Job]
) -> None:
    metrics = sweep.path / job("finished").name / "metrics.json"
    metrics.write_text("{}")
    sweep.plan({"a": ["seed=0"]}, retry=True)
    assert sweep.read("a").status == "finished"
    metrics.unlink()
    sweep.plan({"a": ["seed=0"]})
    assert sweep.read("a").status == "pending"


OWN = """
import signal, sys
from pathlib import Path
from gwbricks.sweeps.sweep_folder import SweepFolder
with SweepFolder(Path(sys.argv[1])).claim("a"):
    print("owned", flush=True)
    signal.pause()
"""


def test_owner_that_is_killed_owns_no_more(
    sweep: SweepFolder, job: Callable[..., Job]
) -> None:
    job("running", attempts=1)
    assert not sweep.is_owned("a")
    command = [sys.executable, "-c", OWN, sweep.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "owned\n"
        assert sweep.is_owned("a")
        owner.kill()
    assert not sweep.is_owned("a")


def test_job_whose_process_dies_is_tried_until_the_limit(
    sweep: SweepFolder, job: Callable[..., Job]
) -> None:
    run = sweep.path / job("running", attempts=1).name / "run.json"
    sweep.record_death("a", "killed by SIGKILL", limit=2)
    assert (sweep.read("a").status, sweep.read("a").attempts) == ("running", 1)
    assert json.loads(run.read_text())["status"] == "running"
    sweep.write(sweep.read("a").begun())
    sweep.record_death("a", "killed by SIGKILL", limit=2)
    found = sweep.read("a")
    assert (found.status, found.error) == ("killed", "killed by SIGKILL (2 times)")
    record = json.loads(run.read_text())
    assert (record["status"], record["error"]) == ("failed", found.error)


def test_job_whose_process_never_began_is_not_tried_again(
    sweep: SweepFolder, job: Callable[..., Job]
) -> None:
    job("pending")
    sweep.record_death("a", "it ended with status 1", limit=3)
    assert sweep.read("a").status == "killed"


def test_job_that_ended_is_not_buried(
    sweep: SweepFolder, job: Callable[..., Job]
) -> None:
    job("finished")
    sweep.record_death("a", "killed by SIGKILL", limit=0)
    assert sweep.read("a").status == "finished"


def test_interruption_is_no_attempt() -> None:
    job = Job("a", 0, "000").begun().ended("interrupted")
    assert (job.begun().attempts, job.begun().begun().attempts) == (1, 2)


def test_time_of_all_attempts_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    job = Job("a", 0, "000").begun()
    now[0] += 5
    job = job.ended("interrupted")
    now[0] += 50
    job = job.begun()
    now[0] += 2
    assert job.ended("finished").seconds == 7


def test_places_are_shared_out(sweep: SweepFolder) -> None:
    sweep.plan({"a": []})
    asked: list[int] = []

    def is_stopped() -> bool:
        asked.append(1)
        return len(asked) > 5

    with sweep.slot(2, lambda: False) as first, sweep.slot(2, lambda: False) as second:
        assert first
        assert second
        with sweep.slot(2, is_stopped) as third:
            assert not third
    with sweep.slot(2, lambda: False) as again:
        assert again
