from dataclasses import replace
from typing import Any

import pytest

from gwbricks.sweeps.progress import Progress
from gwbricks.sweeps.record import FAILED, FINISHED, INTERRUPTED, Job, RUNNING


class Records:
    """Stands for the folder of a sweep, of which only the records are read."""

    def __init__(self, **statuses: str) -> None:
        self.jobs = {
            identity: Job(identity, number, f"00{number}_{identity}", status=status)
            for number, (identity, status) in enumerate(statuses.items())
        }

    def read(self, identity: str) -> Job:
        return self.jobs[identity]

    def end(self, identity: str, status: str, error: str | None = None) -> None:
        job = self.jobs[identity]
        self.jobs[identity] = replace(job, status=status, seconds=65.0, error=error)


def progress(records: Any, before: int = 0) -> Progress:  # noqa: ANN401 - stands for a SweepFolder
    return Progress(records, list(records.jobs), before, total=before + 3)


def test_each_job_that_ends_is_told_once_with_its_count_and_cause(
    capsys: pytest.CaptureFixture[str],
) -> None:
    records = Records(a=RUNNING, b=RUNNING, c=RUNNING)
    with progress(records, before=4):
        records.end("b", FAILED, "OSError: full")
    with progress(records, before=4):
        records.end("a", FINISHED)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "[5/7] 001_b failed after 1 min 5 s: OSError: full",
        "1 of 3 jobs ended before",
        "[6/7] 000_a finished after 1 min 5 s",
    ]


def test_interrupted_job_is_told_when_it_is_interrupted_and_not_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    records = Records(a=RUNNING, b=INTERRUPTED)
    with progress(records):
        records.end("a", INTERRUPTED)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("[0/3] 000_a interrupted after")
