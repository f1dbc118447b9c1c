"""A sweeper of Hydra that asks Optuna what to try next, and tells it the results."""

import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, cast, TYPE_CHECKING

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from gwbricks.config.saved import masked_overrides
from gwbricks.errors import ConfigError
from gwbricks.sweeps.record import FAILED, failed_by_mistake
from gwbricks.sweeps.recorded_launcher import check_sweep, JobResult, RecordedLauncher
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.task import SweepTask
from gwbricks.whole_file import write_whole

if TYPE_CHECKING:
    from gwbricks.sweeps.search.study import Search

MOST_SHOWN = 5
"""Most of several best trials whose commands are shown; the study has all."""


class OptunaSweeper(Sweeper):
    """Runs the trials of a study as jobs of a sweep.

    What it takes is in `configs/hydra/sweeper/optuna.yaml`, and checked when the sweep
    starts. A study that was stopped goes on: see `Search`.
    """

    def __init__(self, trial: int | None = None, **settings: Any) -> None:
        self.trial, self.settings = trial, settings

    def setup(
        self,
        *,
        hydra_context: HydraContext,
        task_function: TaskFunction,
        config: DictConfig,
    ) -> None:
        """Takes what Hydra gives a sweeper."""
        self.context, self.cfg = hydra_context, config
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        assert isinstance(launcher, RecordedLauncher)
        assert isinstance(task_function, SweepTask)
        self.recorded, self.task = launcher, task_function

    def sweep(self, arguments: list[str]) -> None:
        """Runs the trials that are left, and shows what was found.

        Args:
            arguments: Overrides, some of which sweep.

        Raises:
            ConfigError: If the search is wrong, or Optuna is not installed.
        """
        if find_spec("optuna") is None:
            raise ConfigError(
                "hydra/sweeper=optuna: not installed."
                " Fix: pip install 'gwbricks[optuna]'."
            )
        from gwbricks.sweeps.search.published import publish_study
        from gwbricks.sweeps.search.study_picture import draw_study

        if self.trial is not None:  # only a job has one
            raise ConfigError(
                "hydra.sweeper.trial: is filled in. Did you mean 'trials'?"
            )
        check_sweep(self.cfg)
        search = self._search(arguments)
        folder = SweepFolder.of(self.cfg)
        known = self.task.sweeps.setdefault(folder, [])
        known += [job.identity for job in folder.jobs()]
        self.recorded.total = search.total
        before = len(folder.jobs())
        while batch := search.take():
            self._run(search, batch)
        self.task.notes.extend(self._found(search))
        found = search.study, search.settings.metrics
        write_whole(folder.path / "study.svg", draw_study(*found, "svg"))
        if len(folder.jobs()) > before:
            loggers = OmegaConf.to_container(self.cfg.logger or {}, resolve=True)
            problem = publish_study(*found, folder.path, cast(dict, loggers))
            self.task.notes.extend([problem] if problem else [])

    def _search(self, arguments: list[str]) -> "Search":
        from gwbricks.sweeps.search.settings import SearchSettings
        from gwbricks.sweeps.search.space import Space
        from gwbricks.sweeps.search.study import Search

        plain: Any = OmegaConf.to_container(OmegaConf.create(self.settings))
        metric = self.cfg.sweep.metric
        plain["batch"] = plain.get("batch") or self.cfg.sweep.jobs or 1
        metrics = [metric] if isinstance(metric, str) else list(metric or ())
        settings = SearchSettings.read(metrics, plain)
        space = Space.parse(settings.space, arguments, self.context.config_loader)
        overrides = space.overrides(space.first())
        spec = self.task.spec(self.context, self.cfg, overrides, 0)
        folder = SweepFolder.of(self.cfg)
        folder.plan({})  # makes the folder, where the study is kept
        retry = self.cfg.sweep.retry == FAILED
        return Search(settings, space, folder.path, spec.identity, retry)

    def _run(self, search: "Search", batch: Sequence[Any]) -> None:
        overrides = [
            [*given, f"hydra.sweeper.trial={trial.number}"] for trial, given in batch
        ]
        results = self.recorded.launch(overrides, batch[0][0].number)
        jobs = []
        for (trial, _), result in zip(batch, results, strict=True):
            assert isinstance(result, JobResult)
            job, found = result.job, result.return_value
            assert job is not None
            search.tell(trial, job.name, found, job.status)
            jobs.append(job)
        if all(map(failed_by_mistake, jobs)) and not search.has_learnt():
            raise ConfigError(
                f"{jobs[0].error}\n  So no trial of this search can work. Once that is"
                " right, sweep.retry=failed tries these values again."
            )

    def _found(self, search: "Search") -> list[str]:
        """Returns lines that tell the best trials and the commands that repeat them."""
        lines = []
        best = search.best()
        for trial in best[:MOST_SHOWN]:
            found = zip(search.settings.metrics, trial.values, strict=True)
            numbers = ", ".join(f"{metric} {value:.4g}" for metric, value in found)
            run = trial.user_attrs.get("run")
            lines += [
                f"best trial: {numbers} ({run})",
                f"  {self._command(search.space.overrides(trial.params))}",
            ]
        if len(best) > MOST_SHOWN:
            lines.append(f"and {len(best) - MOST_SHOWN} more of the Pareto front")
        return lines

    def _command(self, overrides: Sequence[str]) -> str:
        kept = [o for o in overrides if not o.lstrip("+").startswith("sweep.")]
        trusted = [part for name in self.task.trusted for part in ("--trust", name)]
        return shlex.join(["gwbricks", "train", *masked_overrides(kept), *trusted])
