"""Handing jobs to Ray, around a Ray that only pretends to run them."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gwbricks.errors import ConfigError
from gwbricks.sweeps import job_launcher
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.launchers.ray import RayLauncher
from gwbricks.sweeps.stopping import stoppable
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.task import SweepTask

JOBS = ("a", "b", "c")


class RayError(Exception):
    """Of Ray."""


class FakeRay:
    """A cluster in which jobs end as a test says, the oldest first."""

    def __init__(self, folder: Path) -> None:
        self.sweep = SweepFolder(folder / "sweeps" / "mine")
        self.exceptions = SimpleNamespace(RayError=RayError)
        self.given: list[str] = []
        self.at_once: list[int] = []
        self.cancelled: list[str] = []
        self.asked: dict[str, Any] = {}
        self.end: Callable[[str], object] = lambda job: self.mark(job, "finished")

    def mark(self, job: str, status: str) -> None:
        self.sweep.write(replace(self.sweep.read(job), status=status, attempts=1))

    def is_initialized(self) -> bool:
        return False

    def init(self, address: str, **settings: object) -> None:
        self.address = address
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ray's own handler

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 2.0}}]

    def remote(self, **needs: Any) -> Callable[..., SimpleNamespace]:
        self.asked = needs
        return lambda function: SimpleNamespace(remote=self._start)

    def _start(self, task: object, spec: JobSpec, *_: object) -> str:
        self.given.append(spec.identity)
        return spec.identity

    def wait(self, refs: list[str], timeout: float) -> tuple[list[str], list[str]]:
        self.at_once.append(len(refs))
        return refs[:1], refs[1:]

    def get(self, ref: str) -> None:
        self.end(ref)

    def cancel(self, ref: str) -> None:
        self.cancelled.append(ref)


@pytest.fixture
def ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    ray = FakeRay(tmp_path)
    ray.sweep.plan({job: [f"seed={job}"] for job in JOBS})
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.exceptions", ray.exceptions)
    monkeypatch.setattr(job_launcher, "find_spec", lambda name: name)
    return ray


def run(ray: FakeRay, jobs: int | None = None, **settings: Any) -> None:
    sweep = {"name": "mine", "jobs": jobs, "attempts": 3}
    outputs = str(ray.sweep.path.parents[1])
    config = {"sweep": sweep, "paths": {"outputs": outputs}, "hydra": {}}
    specs = [JobSpec(config) for _ in JOBS]
    for spec, identity in zip(specs, JOBS, strict=True):
        spec.__dict__["identity"] = identity
    given = {"address": "auto", "num_cpus": None, "num_gpus": 0, "resources": {}}
    task = SweepTask()
    with stoppable(task.stop_file(ray.sweep)):
        RayLauncher(**{**given, **settings}).run(task, specs)


def statuses(ray: FakeRay) -> list[str]:
    return [job.status for job in ray.sweep.jobs()]


def test_every_job_is_a_task_with_what_it_needs(ray: FakeRay) -> None:
    run(ray, num_cpus=2, resources={"big": 1}, address=None)
    assert ray.given == list(JOBS)
    assert ray.asked == {
        "num_cpus": 2,
        "num_gpus": 0,
        "resources": {"big": 1},
        "max_retries": 0,
    }
    assert ray.address == "local"
    assert statuses(ray) == ["finished"] * 3


@pytest.mark.parametrize(
    ("jobs", "at_once"),
    [
        pytest.param(None, [3, 2, 1], id="as-many-as-fit"),
        pytest.param(1, [1, 1, 1], id="one"),
        pytest.param(2, [2, 2, 1], id="two"),
    ],
)
def test_no_more_jobs_than_asked_for_are_given_to_ray(
    ray: FakeRay, jobs: int | None, at_once: list[int]
) -> None:
    run(ray, jobs=jobs)
    assert ray.at_once == at_once


def test_job_that_ray_loses_is_told_apart_by_whether_it_began(ray: FakeRay) -> None:
    def end(job: str) -> None:
        if job == "a":
            ray.mark(job, "running")
        elif job == "c":
            return ray.mark(job, "finished")
        raise RayError("\ntrace\nNo module named 'gwbricks'\n" if job == "b" else "")

    ray.end = end
    run(ray)
    assert statuses(ray) == ["running", "killed", "finished"]
    assert [job.error for job in ray.sweep.jobs()] == [
        "Ray lost it: RayError",
        "Ray lost it: No module named 'gwbricks'",
        None,
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_sweep_that_is_stopped_cancels_what_did_not_begin(
    ray: FakeRay, number: signal.Signals
) -> None:
    def end(job: str) -> None:
        if job == "a":
            ray.mark("b", "running")
            os.kill(os.getpid(), number)
            ray.mark("a", "interrupted")
        elif job == "b":
            ray.mark("b", "interrupted")
        else:
            raise RayError("cancelled")

    ray.end = end
    with pytest.raises(KeyboardInterrupt):
        run(ray)
    assert set(ray.cancelled) == {"c"}
    assert statuses(ray) == ["interrupted", "interrupted", "pending"]


def test_jobs_that_wait_for_a_node_say_so(
    ray: FakeRay, capsys: pytest.CaptureFixture[str]
) -> None:
    run(ray, num_cpus="auto")
    assert capsys.readouterr().out == ""
    run(ray, num_gpus=1)
    expected = "no node of the Ray cluster has 1 CPU, 1 GPU; the jobs wait for one\n"
    assert capsys.readouterr().out == expected


def test_missing_cluster_is_an_error_with_the_next_step(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(address: str, **_: object) -> None:
        raise ConnectionError("Failed to connect\nat all")

    monkeypatch.setattr(ray, "init", init)
    message = (
        "hydra.launcher.address: no Ray cluster at 'auto': Failed to connect."
        " Fix: ray start --head, or hydra.launcher.address=null to start one here."
    )
    with pytest.raises(ConfigError) as found:
        run(ray)
    assert str(found.value) == message
    assert statuses(ray) == ["pending"] * 3
