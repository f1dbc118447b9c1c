"""Runs the jobs of a sweep by any of Hydra's launchers, and loses none."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from gwbricks.config.saved import masked_overrides
from gwbricks.errors import ConfigError, one_line
from gwbricks.runs.folder.results import optimized_metric, read_results
from gwbricks.sweeps.job_launcher import JobLauncher
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.progress import Progress
from gwbricks.sweeps.record import (
    FAILED,
    FINISHED,
    has_ended,
    INTERRUPTED,
    Job,
    PENDING,
    RUNNING,
)
from gwbricks.sweeps.stopping import stoppable
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.task import SweepTask


class RecordedLauncher(Launcher):
    """Has a launcher do what is left to do, until every job has ended.

    Jobs that ended before are not launched, and the results of the finished ones are
    returned. What another launcher loses, because it broke, is launched again. Hydra's
    basic launcher is replaced: its jobs run in processes, `sweep.jobs` at a time.

    Args:
        engine: Dotted name of the launcher.
        arguments: Those of the launcher.

    Attributes:
        total: Number of jobs of all batches, if it is known.

    Raises:
        ConfigError: If Hydra has no such launcher.
    """

    def __init__(self, engine: str, **arguments: Any) -> None:
        made_by = Plugins.instance().class_name_to_class.get(engine)
        if made_by is None or not issubclass(made_by, Launcher):
            raise ConfigError(f"hydra.launcher.engine: {engine!r} is no launcher.")
        self.inner = made_by(**arguments)
        self.is_basic = engine.endswith(".BasicLauncher")
        self.total: int | None = None

    def setup(
        self,
        *,
        hydra_context: HydraContext,
        task_function: TaskFunction,
        config: DictConfig,
    ) -> None:
        """Takes what Hydra gives a launcher."""
        self.context, self.task, self.config = hydra_context, task_function, config
        self.inner.setup(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Runs a batch of jobs.

        Returns:
            Of each job what the sweep optimises, NaN if it did not finish.

        Raises:
            ConfigError: If a key of `sweep` is wrong.
        """
        task = self.task
        if not isinstance(task, SweepTask):
            return self.inner.launch(job_overrides, initial_job_idx)
        setup_globals()
        check_sweep(self.config)
        specs = [
            task.spec(self.context, self.config, overrides, number)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]
        jobs = {spec.identity: spec for spec in specs}
        given = {s.identity: o for s, o in zip(specs, job_overrides, strict=True)}
        sweep = SweepFolder.of(self.config)
        shown = {i: masked_overrides(_of_task(o)) for i, o in given.items()}
        fixed = masked_overrides(self.config.hydra.overrides.task)
        sweep.plan(shown, self.config.sweep.retry == FAILED, fixed)
        (sweep.path / "multirun.yaml").unlink(missing_ok=True)  # it has secrets
        task.sweeps.setdefault(sweep, []).extend(jobs)
        task.tried.update(i for i in jobs if not has_ended(sweep.read(i)))
        total = self.total or initial_job_idx + len(jobs)
        progress = Progress(sweep, list(jobs), initial_job_idx, total)
        with stoppable(task.stop_file(sweep)), progress:
            self._run(task, sweep, jobs, given)
        return [self._result(sweep, sweep.read(spec.identity)) for spec in specs]

    def _run(
        self,
        task: SweepTask,
        sweep: SweepFolder,
        jobs: Mapping[str, JobSpec],
        given: Mapping[str, Sequence[str]],
    ) -> None:
        """Launches what has not ended, as long as that gets any further."""
        is_stopped = task.stop_file(sweep).exists
        left: list[Job] = []
        before: list[Job] = []
        cause = "it was not started"
        open_ones = (PENDING, RUNNING, INTERRUPTED)
        while not is_stopped():
            left = [job for i in jobs if (job := sweep.read(i)).status in open_ones]
            if not left or left == before:
                break
            try:
                if isinstance(self.inner, JobLauncher):
                    self.inner.run(task, [jobs[job.identity] for job in left])
                elif self.is_basic:
                    _run_in_threads(task, [jobs[job.identity] for job in left])
                else:
                    returned = self.inner.launch([given[j.identity] for j in left], 0)
                    _ = [job.return_value for job in returned]  # raises what it raised
            except ConfigError:
                raise
            except Exception as error:
                cause = f"the launcher failed: {one_line(error)}"
            # What was interrupted meanwhile was asked to stop, as by a queue: it is for
            # the next start. What is as open as before, no further launch will end.
            before, open_ones = left, (PENDING, RUNNING)
        for job in [] if is_stopped() else left:
            sweep.bury(job.identity, cause, limit=0)

    def _result(self, sweep: SweepFolder, job: Job) -> "JobResult":
        value = math.nan
        if job.status == FINISHED:
            results = read_results(sweep.path / job.name / "metrics.json")
            metric = self.config.sweep.metric
            value = (
                optimized_metric(results, metric)
                if isinstance(metric, str)
                else [optimized_metric(results, name) for name in metric]
            )
        result = JobResult(job.overrides, status=JobStatus.COMPLETED, job=job)
        result.return_value = value
        return result


@dataclass
class JobResult(JobReturn):
    """What a sweeper is told of a job: its number or numbers, and its record."""

    job: Job | None = None


def _run_in_threads(task: SweepTask, specs: Sequence[JobSpec]) -> None:
    with ThreadPoolExecutor(specs[0].parallel) as pool:
        for future in [pool.submit(task.run, spec) for spec in specs]:
            future.result()


def _of_task(overrides: Sequence[str]) -> list[str]:
    return [override for override in overrides if not override.startswith("hydra.")]


def check_sweep(cfg: DictConfig) -> None:
    """Checks the section `sweep` before anything starts.

    Raises:
        ConfigError: If a key of it is wrong.
    """
    for key in ("jobs", "attempts"):
        value = cfg.sweep[key]
        if value is None and key == "jobs":
            continue
        if not isinstance(value, int) or value < 1:
            raise ConfigError(
                f"sweep.{key}: {value!r}. Expected a whole number above 0."
            )
    if cfg.sweep.retry not in (None, FAILED):
        raise ConfigError(
            f"sweep.retry: {cfg.sweep.retry!r}. Expected failed, or null."
        )
