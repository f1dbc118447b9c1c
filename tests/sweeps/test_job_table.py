import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gwbricks.sweeps import job_table
from gwbricks.sweeps.job_table import seconds_left, show_jobs, summary
from gwbricks.sweeps.sweep_folder import SweepFolder


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    """A sweep with a job in each status; the running one is the second."""
    sweep = SweepFolder(tmp_path)
    statuses = ("finished", "running", "failed", "pending", "interrupted")
    sweep.plan({name: [f"is={name}"] for name in statuses})
    for name in statuses:
        job = replace(sweep.read(name), status=name)
        sweep.write(replace(job, seconds=30.0 if name == "finished" else 0.0))
    run = tmp_path / "000_is=finished"
    run.mkdir()
    numbers = {
        "val": {"loss": 0.25},
        "test": {"loss": 0.5, "cycles": 1.5, "accuracy": 0.75, "mse/a-to-b": 2.5},
    }
    (run / "metrics.json").write_text(json.dumps(numbers))
    (run / "config.yaml").write_text(
        "{loss_coefs: {cycles: 1}, sweep: {metric: val/loss}}"
    )
    return sweep


def shown(sweep: SweepFolder, width: int = 200) -> str:
    text = StringIO()
    show_jobs(sweep, sweep.jobs(), Console(file=text, width=width))
    return text.getvalue()


def test_table_has_status_main_numbers_and_time(sweep: SweepFolder) -> None:
    text = shown(sweep)
    head, first = (
        next(line.split() for line in text.splitlines() if word in line)
        for word in ("val/loss", "is=finished")
    )
    assert head == ["job", "status", "val/loss", "test/loss", "test/accuracy", "time"]
    assert first == ["000_is=finished", "finished", "0.25", "0.5", "0.75", "30.0", "s"]
    assert "test/cycles" not in text
    assert "a-to-b" not in text


@pytest.mark.parametrize(
    ("width", "numbers"), [(60, 0), (70, 1), (80, 2), (100, 3)], ids=str
)
def test_narrow_table_leaves_numbers_out_but_neither_job_nor_status(
    sweep: SweepFolder, width: int, numbers: int
) -> None:
    lines = shown(sweep, width).splitlines()
    head = next(line.split() for line in lines if "status" in line)
    columns = ["val/loss", "test/loss", "test/accuracy"]
    assert head == ["job", "status", *columns[:numbers], "time"]
    assert any(line.split()[:2] == ["000_is=finished", "finished"] for line in lines)
    assert all(len(line) <= width for line in lines)


def test_running_job_without_an_owner_died(sweep: SweepFolder) -> None:
    assert "died" in shown(sweep)
    with sweep.claim("running"):
        assert "died" not in shown(sweep)


@pytest.mark.parametrize(
    ("job", "where", "expected"),
    [
        pytest.param("pending", "PENDING", "queued", id="queued"),
        pytest.param("pending", None, "pending", id="not-in-the-queue"),
        pytest.param("interrupted", "PENDING", "queued", id="queued-again"),
        pytest.param("running", "RUNNING", "running", id="lock-of-another-node"),
        pytest.param("running", "PENDING", "queued", id="preempted"),
        pytest.param("finished", "COMPLETING", "finished", id="ended"),
    ],
)
def test_queue_of_a_cluster_tells_what_no_record_knows(
    sweep: SweepFolder,
    monkeypatch: pytest.MonkeyPatch,
    job: str,
    where: str | None,
    expected: str,
) -> None:
    monkeypatch.setattr(job_table, "queued_state", lambda ticket: where)
    assert job_table.state(sweep, sweep.read(job)) == expected


def test_summary_counts_jobs(sweep: SweepFolder) -> None:
    with sweep.claim("running"):
        counts = "1 failed, 1 finished, 1 interrupted, 1 pending, 1 running"
        assert summary(sweep, sweep.jobs()) == f"5 jobs: {counts}"
    assert summary(sweep, sweep.jobs()[:1]) == "1 job: 1 finished"


def test_rest_of_the_time_is_told_from_finished_jobs(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seconds_left(sweep, sweep.jobs()) is None  # nothing runs
    monkeypatch.setattr("time.time", lambda: 1000.0)
    sweep.write(replace(sweep.read("running"), started=990.0))
    with sweep.claim("running"):
        assert seconds_left(sweep, sweep.jobs()) == 20 + 2 * 30
        assert seconds_left(sweep, sweep.jobs()[1:]) is None  # nobody knows
