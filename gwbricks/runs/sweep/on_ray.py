"""Runs the jobs of a sweep on a Ray cluster, which finds a place for each."""

import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from gwbricks.errors import ConfigError
from gwbricks.runs.sweep.engine import enter_folder, JobLauncher
from gwbricks.runs.sweep.folder import POLL
from gwbricks.runs.sweep.process import attempt_now, JobSpec
from gwbricks.runs.sweep.record import RUNNING
from gwbricks.runs.sweep.task import SweepTask


class RayLauncher(JobLauncher):
    """Runs each job as a task of Ray, `sweep.jobs` at a time or as many as fit.

    Args:
        address: Of the cluster; null starts one on this machine.
        num_cpus: Cores that Ray keeps for a job; null: 1.
        num_gpus: GPUs that Ray keeps for a job, and lets it see.
        resources: Further ones that a node must have.

    Raises:
        ConfigError: If Ray is not installed.
    """

    def __init__(
        self,
        address: str | None,
        num_cpus: float | None,
        num_gpus: float,
        resources: Mapping[str, float],
    ) -> None:
        if find_spec("ray") is None:
            raise ConfigError(
                "hydra/launcher=ray: not installed. Fix: pip install 'gwbricks[ray]'."
            )
        self.address = address
        self.needs = {
            "num_cpus": num_cpus or 1,
            "num_gpus": num_gpus,
            "resources": dict(resources),
        }

    def run(self, task: SweepTask, specs: Sequence[JobSpec]) -> None:
        """See `JobLauncher.run`."""
        ray, sweep = self._connect(), specs[0].sweep
        is_stopped = task.stop_file(sweep).exists
        start = ray.remote(max_retries=0, **self.needs)(_run).remote
        most = specs[0].config["sweep"]["jobs"] or len(specs)
        waiting, given = deque(specs), dict[Any, JobSpec]()
        while given or waiting:
            while waiting and len(given) < most and not is_stopped():
                spec = waiting.popleft()
                given[start(task, spec, os.getcwd(), dict(os.environ))] = spec
            if is_stopped():
                waiting.clear()
                for ref, spec in given.items():
                    if sweep.read(spec.identity).status != RUNNING:
                        ray.cancel(ref)
            done, _ = ray.wait(list(given), timeout=POLL) if given else ([], [])
            for ref in done:
                spec = given.pop(ref)
                try:
                    ray.get(ref)
                except ray.exceptions.RayError as error:
                    cause = f"Ray lost it: {str(error).strip().splitlines()[-1]}"
                    if not is_stopped():
                        sweep.bury(spec.identity, cause, spec.attempts)

    def _connect(self) -> Any:  # noqa: ANN401 - a module that may not be installed
        import ray

        if ray.is_initialized():
            return ray
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(self.address or "local", log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"hydra.launcher.address: no Ray cluster at {self.address!r}."
                " Fix: ray start --head, or hydra.launcher.address=null to start one"
                " here."
            ) from error
        finally:
            signal.signal(signal.SIGTERM, before)  # Ray has its own
        return ray


def _run(
    task: SweepTask, spec: JobSpec, folder: str, environment: Mapping[str, str]
) -> None:
    """Runs a job on whatever node; its own environment goes before the command's."""
    os.environ.update({**environment, **os.environ})
    enter_folder(folder)
    attempt_now(spec, task.stop_file(spec.sweep).exists)
