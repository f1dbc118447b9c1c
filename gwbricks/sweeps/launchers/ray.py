"""Runs the jobs of a sweep on a Ray cluster, which finds a place for each."""

import logging
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from gwbricks.errors import ConfigError
from gwbricks.sweeps.job_launcher import (
    check_installed,
    enter_folder,
    JobLauncher,
    tell,
)
from gwbricks.sweeps.job_process import attempt_now
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.record import RUNNING
from gwbricks.sweeps.sweep_folder import POLL
from gwbricks.sweeps.task import SweepTask

QUIET = logging.ERROR


class RayLauncher(JobLauncher):
    """Runs each job as a task of Ray, `sweep.jobs` at a time or as many as fit.

    Args:
        address: Of the cluster; null starts one on this machine.
        num_cpus: Cores that Ray keeps for a job; null or auto: 1.
        num_gpus: GPUs that Ray keeps for a job, and lets it see.
        resources: Amounts of other resources that a node must have.

    Raises:
        ConfigError: If Ray is not installed.
    """

    def __init__(
        self,
        address: str | None,
        num_cpus: float | Literal["auto"] | None,
        num_gpus: float,
        resources: Mapping[str, float],
    ) -> None:
        check_installed("ray", "ray", "ray")
        self.address = address
        self.amounts = {
            "num_cpus": 1 if num_cpus in (None, "auto") else num_cpus,
            "num_gpus": num_gpus,
        }
        self.resources = dict(resources)

    def run(self, task: SweepTask, specs: Sequence[JobSpec]) -> None:
        """See `JobLauncher.run`."""
        ray, sweep = self._connect(), specs[0].sweep
        is_stopped = task.stop_file(sweep).exists
        self._check_room(ray)
        needs = {**self.amounts, "resources": self.resources}
        # Ray would retry without end; the record of a job counts its attempts
        start = ray.remote(max_retries=0, **needs)(_run).remote
        most = specs[0].config["sweep"]["jobs"] or len(specs)
        waiting, given = deque(specs), dict[Any, JobSpec]()
        while given or waiting:
            if is_stopped():
                waiting.clear()
                _cancel_queued(ray, given)
            while waiting and len(given) < most:
                spec = waiting.popleft()
                given[start(task, spec, str(Path.cwd()), dict(os.environ))] = spec
            done, _ = ray.wait(list(given), timeout=POLL) if given else ([], [])
            for ref in done:
                cause, spec = _why_lost(ray, ref), given.pop(ref)
                if cause is not None and not is_stopped():
                    sweep.record_death(spec.identity, cause, spec.attempts)

    def _connect(self) -> Any:  # noqa: ANN401 - a module that may not be installed
        import ray
        import ray.exceptions

        if ray.is_initialized():
            return ray
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(self.address or "local", log_to_driver=False, logging_level=QUIET)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise ConfigError(
                f"hydra.launcher.address: no Ray cluster at {self.address!r}:"
                f" {str(error).splitlines()[0]}. Fix: ray start --head, or"
                " hydra.launcher.address=null to start one here."
            ) from error
        finally:
            signal.signal(signal.SIGTERM, before)  # Ray replaces it
        return ray

    def _check_room(self, ray: Any) -> None:  # noqa: ANN401
        """Prints a line if no node is large enough, so that jobs wait for a new one."""
        amounts = {"CPU": self.amounts["num_cpus"], "GPU": self.amounts["num_gpus"]}
        needs = {**amounts, **self.resources}
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(all(n.get(k, 0) >= v for k, v in needs.items()) for n in nodes):
            wanted = ", ".join(f"{amount:g} {kind}" for kind, amount in needs.items())
            tell(f"no node of the Ray cluster has {wanted}; the jobs wait for one")


def _cancel_queued(ray: Any, given: Mapping[Any, JobSpec]) -> None:  # noqa: ANN401
    """Cancels the jobs that no node has begun; the others see the stop file."""
    for ref, spec in given.items():
        if spec.sweep.read(spec.identity).status != RUNNING:
            ray.cancel(ref)


def _why_lost(ray: Any, ref: Any) -> str | None:  # noqa: ANN401
    """Returns why Ray lost a job; None if it came back."""
    try:
        ray.get(ref)
    except ray.exceptions.RayError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return f"Ray lost it: {lines[-1]}"
    return None


def _run(
    task: SweepTask, spec: JobSpec, folder: str, environment: Mapping[str, str]
) -> None:
    """Runs a job on a node, whose own environment variables override the command's."""
    os.environ.update({**environment, **os.environ})
    enter_folder(folder)
    attempt_now(spec, task.stop_file(spec.sweep).exists)
