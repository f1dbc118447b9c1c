"""What is said of jobs that failed, by jobs that only pretend to train."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.record import has_ended
from gwbricks.sweeps.recorded_launcher import RecordedLauncher
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.task import SweepTask

SWEEP = ["train", "-m", "sweep.name=mine"]
SKIPPED = "failed before this start and"


@pytest.mark.slow
def test_jobs_that_are_not_tried_again_are_told_with_what_tries_them(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(
        self: RecordedLauncher,
        task: SweepTask,
        sweep: SweepFolder,
        jobs: Mapping[str, JobSpec],
        given: object,
    ) -> None:
        for identity in jobs:
            job = sweep.read(identity)
            if not has_ended(job):
                sweep.write(job.begun().ended("failed", "OSError: full"))

    monkeypatch.setattr(RecordedLauncher, "_run", fail)
    first = cli(*SWEEP, "seed=0")
    assert "1 job failed:\n" in first.err
    assert SKIPPED not in first.err
    second = cli(*SWEEP, "seed=0,1")
    assert second.status == 1
    assert "2 jobs failed:\n" in second.err
    assert f"1 job {SKIPPED} was not tried again. Fix: sweep.retry=failed" in second.err
    assert SKIPPED not in cli(*SWEEP, "seed=0,1", "sweep.retry=failed").err
    assert len(list(Path("outputs/sweeps/mine/jobs").glob("*.json"))) == 2
