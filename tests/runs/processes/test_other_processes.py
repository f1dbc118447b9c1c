"""Processes are shell scripts here, which answer as the program would."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from gwbricks.errors import ProcessError
from gwbricks.runs.processes import other_processes
from gwbricks.runs.processes.other_processes import OtherProcesses
from gwbricks.runs.processes.process_group import TellRunFolder
from gwbricks.runs.processes.worker_spec import failure, WorkerSpec

Start = Callable[[str], OtherProcesses]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a shell script as the second of two processes."""

    def start(script: str) -> OtherProcesses:
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        others = OtherProcesses(2, tmp_path)
        others.start(1, 1, WorkerSpec({"seed": 0}))
        return others

    return start


def test_spec_arrives_as_it_was_sent(tmp_path: Path) -> None:
    spec = WorkerSpec(
        {"lr": 1e-5, "sizes": {1: [2.0, None]}}, ("mine",), "a.ckpt", True
    )
    with (tmp_path / "stream").open("w+b") as stream:
        spec.send(stream)
        stream.seek(0)
        assert WorkerSpec.receive(stream) == spec


def test_process_that_fails_before_they_meet_says_why(start: Start) -> None:
    others = start("echo 'Traceback' >&2; echo 'ImportError: no data' >&2; exit 1")
    with (
        pytest.raises(
            ProcessError, match=r"process 1 of 2 failed: ImportError: no data"
        ),
        others,
    ):
        others.wait()


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        pytest.param("echo ready; exit 3", "failed: status 3", id="fails-silently"),
        pytest.param("echo ready; kill -9 $$", "killed by SIGKILL", id="is-killed"),
        pytest.param("echo ready; exit 143", "was interrupted", id="is-stopped"),
    ],
)
def test_cause_tells_how_another_process_ended(
    start: Start, script: str, cause: str
) -> None:
    with start(script) as others:
        others.wait()
        assert cause in str(others.cause(5.0))


@pytest.mark.parametrize("status", [0, 143])
def test_process_that_ends_as_asked_has_not_failed(start: Start, status: int) -> None:
    others = start(f"echo ready; exit {status}")
    with others:
        others.wait()
    assert others.cause(0.0, is_asked=True) is None


def test_others_end_with_this_process(start: Start, tmp_path: Path) -> None:
    others = start("echo ready; exec sleep 60")
    error = RuntimeError("mine")
    others.__enter__().wait()
    others.__exit__(RuntimeError, error, None)
    (process,) = others._processes.values()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert not (tmp_path / "process_1.log").exists()  # it had nothing to say


def test_process_that_others_started_says_why_in_the_run_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two"), TellRunFolder(tmp_path).reported(3):
        raise ValueError("two\n  lines")
    assert str(OtherProcesses(4, tmp_path / "elsewhere").cause(0.0)) == "None"
    log = (tmp_path / "process_3.log").read_text()
    assert log.splitlines()[-1] == "ValueError: two lines"
    assert failure(ValueError("two\n  lines")) == "ValueError: two\n  lines\n" + (
        "ValueError: two lines\n"
    )


def test_process_that_waits_for_a_dead_one_in_vain_is_ended(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Event()
    monkeypatch.setattr(other_processes, "PATIENCE", 0.1)
    monkeypatch.setattr(os, "_exit", lambda _: ended.set())
    with start("echo ready; echo 'OSError: gone' >&2; exit 1") as others:
        others.wait()
        assert ended.wait(30)
    found = json.loads((tmp_path / "run.json").read_text())
    assert found["status"] == "failed"
    assert "process 1 of 2 failed: OSError: gone" in found["error"]
