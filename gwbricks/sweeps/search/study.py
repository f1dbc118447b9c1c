"""A study in the folder of its sweep; it outlives the process that leads it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna import Study, Trial
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from gwbricks.errors import ConfigError
from gwbricks.sweeps.search.samplers import make_sampler
from gwbricks.sweeps.search.settings import SearchSettings
from gwbricks.sweeps.search.space import Space

NAME = "study"
PATIENCE = 60.0
"""Seconds that a process waits while another one writes to sqlite."""


def study_storage(name: str, folder: Path) -> BaseStorage:
    """Returns where a study is kept: in one file of the sweep's folder.

    Args:
        name: `sqlite` or `journal`.
        folder: The sweep's.
    """
    if name == "journal":
        journal = str(folder.resolve() / "study.journal")
        return JournalStorage(JournalFileBackend(journal, JournalLock(journal)))
    options = {"connect_args": {"timeout": PATIENCE}}
    return RDBStorage(f"sqlite:///{folder / 'study.db'}", engine_kwargs=options)


class JournalLock(JournalFileOpenLock):
    """A lock of a journal that is free again when its owner dies.

    Optuna's own locks stay when their owner is killed: the next process waits for half
    a minute, or for ever if the path is relative.

    Args:
        journal: Path of the journal.
    """

    def __init__(self, journal: str) -> None:
        super().__init__(journal)
        self._lock = FileLock(f"{journal}.flock")

    def acquire(self) -> bool:
        """Waits until nobody else has the lock."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Gives the lock back."""
        self._lock.release()


class Search:
    """A study, and which of its trials are run next.

    All trials of a batch have ended before the next batch is taken. A trial that is
    running when a batch is taken was therefore lost by a process that died. It comes
    first, and its job goes on from its checkpoint.

    Args:
        settings: What is searched, and how.
        space: The values to choose from.
        folder: The sweep's folder.
        config: Identity of what all trials share.
        retry: Whether the values of failed trials are tried again.

    Raises:
        ConfigError: If the folder has the study of another space, metric or config.
    """

    def __init__(
        self,
        settings: SearchSettings,
        space: Space,
        folder: Path,
        config: str,
        retry: bool = False,
    ) -> None:
        self.settings, self.space = settings, space
        self.total = settings.total(space)
        self._lock = FileLock(folder / "jobs" / ".study.lock")
        self._grid = space.grid() if settings.is_grid else []
        described = {
            "hydra.sweeper.space": space.described(),
            "sweep.metric": list(settings.metrics),
            "hydra.sweeper.direction": settings.directions,
            "config": config,
        }
        storage = study_storage(settings.storage, folder)
        with self._lock:
            self.study = _open_study(storage, settings.directions, described, folder)
            self._retried = self._enqueue_failed() if retry else set[int]()

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, by their number."""
        return self.study.get_trials(deepcopy=False)

    def take(self) -> list[tuple[Trial, list[str]]]:
        """Returns the next trials with their overrides; none if all have ended."""
        with self._lock:
            trials = self.trials
            batch = self.settings.batch
            lost = [t for t in trials if t.state == TrialState.RUNNING][:batch]
            if lost:
                return [self._resume(trial) for trial in lost]
            left = range(min(self.total - self._ended(trials), batch))
            return [self._ask() for _ in left]

    def tell(
        self, trial: Trial, run: str, found: float | Sequence[float], status: str
    ) -> None:
        """Records how a trial ended.

        Args:
            trial: The trial.
            run: Name of its run.
            found: Its metrics.
            status: `finished`, `pruned`, or another word for one that failed.
        """
        values = [found] if isinstance(found, int | float) else list(found)
        state = TrialState.PRUNED if status == "pruned" else TrialState.FAIL
        if status == "finished" and not any(map(math.isnan, values)):
            state = TrialState.COMPLETE
        with self._lock:
            if not self.trials[trial.number].state.is_finished():
                trial.set_user_attr("run", run)
                told = values if state == TrialState.COMPLETE else None
                self.study.tell(trial, told, state)

    def best(self) -> list[FrozenTrial]:
        """Returns the best trial; of several metrics, the Pareto front."""
        if not any(t.state == TrialState.COMPLETE for t in self.trials):
            return []
        return sorted(self.study.best_trials, key=lambda trial: trial.number)

    def has_learnt(self) -> bool:
        """Whether any trial has finished or was pruned, and so rates its values."""
        return _has_learnt(self.study)

    def _ended(self, trials: Sequence[FrozenTrial]) -> int:
        return sum(
            t.state.is_finished() and t.number not in self._retried for t in trials
        )

    def _ask(self) -> tuple[Trial, list[str]]:
        trials = self.trials
        self._sample_for(len(trials))
        if self._grid and all(t.state != TrialState.WAITING for t in trials):
            tried = [_values(t) for t in trials]
            self.study.enqueue_trial(next(v for v in self._grid if v not in tried))
        trial = self.study.ask()
        return trial, self.space.suggest(trial)

    def _resume(self, lost: FrozenTrial) -> tuple[Trial, list[str]]:
        self._sample_for(lost.number)
        trial = Trial(self.study, lost._trial_id)
        return trial, self.space.suggest(trial)

    def _sample_for(self, number: int) -> None:
        sampler, seed = self.settings.sampler, self.settings.seed
        self.study.sampler = make_sampler(sampler, seed, number)

    def _enqueue_failed(self) -> set[int]:
        """Queues what failed and was not tried again, and returns what failed."""
        failed = [t for t in self.trials if t.state == TrialState.FAIL]
        known = [_values(t) for t in self.trials if t.state != TrialState.FAIL]
        for trial in failed:
            if trial.params not in known:
                known.append(trial.params)
                self.study.enqueue_trial(trial.params)
        return {trial.number for trial in failed}


def _values(trial: FrozenTrial) -> dict[str, Any]:
    # a queued trial has its values there until it is asked for
    return trial.params or trial.system_attrs.get("fixed_params", {})


def _has_learnt(study: Study) -> bool:
    told = (TrialState.COMPLETE, TrialState.PRUNED)
    return any(t.state in told for t in study.get_trials(deepcopy=False))


def _open_study(
    storage: BaseStorage,
    directions: Sequence[str],
    described: dict[str, Any],
    folder: Path,
) -> Study:
    """Opens the study, or makes one; a study that has learnt nothing is made anew."""
    try:
        study = optuna.load_study(study_name=NAME, storage=storage)
    except KeyError:
        study = None
    if study is not None:
        known = study.user_attrs
        changed = [key for key, value in described.items() if known.get(key) != value]
        if not changed:
            return study
        if _has_learnt(study):
            raise ConfigError(
                f"{changed[0]}: the study in {str(folder)!r} was made with another one."
                " Fix: another sweep.name, or what it was made with."
            )
        optuna.delete_study(study_name=NAME, storage=storage)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=NAME,
        storage=storage,
        directions=[StudyDirection[name.upper()] for name in directions],
    )
    for key, value in described.items():
        study.set_user_attr(key, value)
    return study
