"""The command line, called in this process."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gwbricks.cli.main import main


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def cli(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Outcome]:
    """Runs `gwbricks` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # what the command line sets is undone
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: str) -> Outcome:
        status = main(args)
        printed = capsys.readouterr()
        return Outcome(status, str(printed.out), str(printed.err))

    return run
