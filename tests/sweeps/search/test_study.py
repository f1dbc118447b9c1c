"""Studies whose trials are told of by a function instead of a training."""

import math
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from gwbricks.errors import ConfigError
from gwbricks.sweeps.search.settings import SearchSettings
from gwbricks.sweeps.search.space import Space
from gwbricks.sweeps.search.study import Search, study_storage
from gwbricks.sweeps.search.study_picture import draw_study

SPACE = ("lr=tag(log,interval(1e-4,1))", "dim=range(4,33,4)", "optimizer=adam,sgd")
Result = float | list[float]
Objective = Callable[[dict[str, Any]], Result]


class KilledError(BaseException):
    """Stands for the end of the process."""


def value(params: dict[str, Any]) -> float:
    penalty = 0.5 if params.get("optimizer") == "sgd" else 0.0
    return abs(math.log10(params["lr"]) + 2) + params["dim"] / 100 + penalty


def search(
    folder: Path,
    space: Sequence[str] = SPACE,
    metrics: Sequence[str] = ("val/loss",),
    config: str = "abc",
    retry: bool = False,
    **settings: Any,
) -> Search:
    (folder / "jobs").mkdir(parents=True, exist_ok=True)
    settings = {"trials": 12, "storage": "journal", **settings}
    parsed = Space.parse({}, space)
    return Search(SearchSettings(metrics, **settings), parsed, folder, config, retry)


def lead(found: Search, objective: Objective = value, die_at: int | None = None) -> int:
    """Runs what is left of a study, or dies after a number of trials."""
    count = 0
    while batch := found.take():
        for trial, _ in batch:
            if count == die_at:
                raise KilledError
            result = objective(trial.params)
            status = "finished" if result is not math.inf else "failed"
            found.tell(trial, f"run{trial.number}", result, status)
            count += 1
    return count


def params(found: Search) -> list[dict[str, Any]]:
    return [trial.params for trial in found.trials]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("storage", "sampler"),
    [
        pytest.param("sqlite", "tpe", id="sqlite-tpe"),
        pytest.param("journal", {"name": "tpe", "n_startup_trials": 3}, id="journal"),
        pytest.param("journal", "random", id="journal-random"),
    ],
)
def test_study_that_was_killed_goes_on_as_if_it_was_not(
    tmp_path: Path, storage: str, sampler: object
) -> None:
    options = {"storage": storage, "sampler": sampler, "trials": 8}
    whole = search(tmp_path / "whole", **options)
    assert lead(whole) == 8
    with pytest.raises(KilledError):
        lead(search(tmp_path / "killed", **options), die_at=5)
    again = search(tmp_path / "killed", **options)
    assert lead(again) == 3
    assert params(again) == params(whole)
    assert [t.values for t in again.trials] == [t.values for t in whole.trials]
    assert len({str(found) for found in params(again)}) == 8
    assert lead(search(tmp_path / "killed", **options)) == 0
    more = search(tmp_path / "killed", **{**options, "trials": 10})
    assert lead(more) == 2


def test_other_seeds_try_other_values(tmp_path: Path) -> None:
    found = [search(tmp_path / str(seed), seed=seed, trials=2) for seed in (0, 1, None)]
    for each in found:
        lead(each)
    assert len({str(params(each)) for each in found}) == 3


def test_trials_of_a_lost_batch_come_first(tmp_path: Path) -> None:
    asked = search(tmp_path, batch=3).take()
    again = search(tmp_path, batch=2)
    assert [trial.number for trial, _ in again.take()] == [0, 1]
    assert [given for _, given in again.take()] == [given for _, given in asked[:2]]
    assert lead(again) == 12


def test_trial_that_was_lost_before_it_had_values_gets_them(tmp_path: Path) -> None:
    whole = search(tmp_path / "whole", sampler="random").take()
    found = search(tmp_path / "lost", sampler="random")
    found.study.ask()
    assert found.take()[0][1] == whole[0][1]
    assert lead(found) == 12


def test_grid_is_tried_once_in_order_even_if_killed(tmp_path: Path) -> None:
    space = ["lr=0.1,0.01", "dim=range(4,13,4)"]
    options = {"space": space, "sampler": "grid", "trials": None}
    with pytest.raises(KilledError):
        lead(search(tmp_path, **options), die_at=2)
    again = search(tmp_path, **options)
    assert lead(again) == 4
    assert [(p["lr"], p["dim"]) for p in params(again)] == [
        *((0.1, 4), (0.1, 8), (0.1, 12)),
        *((0.01, 4), (0.01, 8), (0.01, 12)),
    ]


def test_failed_trials_count_and_are_tried_again_on_request(tmp_path: Path) -> None:
    def broken(found: dict[str, Any]) -> float:
        return math.inf if found["dim"] < 16 else value(found)

    first = search(tmp_path)
    assert lead(first, broken) == 12
    failed = [t.params for t in first.trials if t.state == TrialState.FAIL]
    assert 0 < len(failed) < 12
    assert lead(search(tmp_path), broken) == 0
    again = search(tmp_path, retry=True)
    assert lead(again) == len(failed)
    assert params(again)[12:] == failed
    assert lead(search(tmp_path, retry=True)) == 0


def test_result_that_is_no_number_is_a_failure(tmp_path: Path) -> None:
    found = search(tmp_path, trials=1)
    lead(found, lambda _: math.nan)
    assert found.trials[0].state == TrialState.FAIL
    assert found.best() == []
    assert not found.has_learnt()


def test_pruned_trials_teach_the_study(tmp_path: Path) -> None:
    found = search(tmp_path, trials=1)
    ((trial, _),) = found.take()
    trial.report(3.0, 0)
    found.tell(trial, "run0", math.nan, "pruned")
    assert (found.trials[0].state, found.trials[0].value) == (TrialState.PRUNED, 3.0)
    assert found.has_learnt()


def test_trial_that_another_process_told_of_is_left_alone(tmp_path: Path) -> None:
    mine, other = search(tmp_path), search(tmp_path)
    ((trial, _),) = mine.take()
    ((same, _),) = other.take()
    other.tell(same, "run0", 1.0, "finished")
    mine.tell(trial, "run0", 2.0, "failed")
    assert mine.trials[0].value == 1.0


def test_two_metrics_have_a_front_of_best_trials(tmp_path: Path) -> None:
    found = search(
        tmp_path,
        metrics=["val/loss", "test/accuracy"],
        direction=["minimize", "maximize"],
        sampler={"name": "nsga2", "population_size": 4},
    )
    lead(found, lambda p: [value(p), float(p["dim"])])
    best = found.best()
    assert 1 < len(best) < 12
    losses = [t.values[0] for t in sorted(best, key=lambda t: t.values[1])]
    assert losses == sorted(losses)
    picture = draw_study(found.study, ["val/loss", "test/accuracy"], "svg")
    assert picture.count(b"<!-- importance -->") == 2


def test_best_trial_may_be_the_largest(tmp_path: Path) -> None:
    found = search(tmp_path, direction="maximize", trials=4)
    lead(found)
    (best,) = found.best()
    assert best.value == max(t.value or 0 for t in found.trials)
    assert best.user_attrs["run"] == f"run{best.number}"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param(
            {"space": SPACE[:1]}, "hydra.sweeper.space: the study", id="space"
        ),
        pytest.param({"metrics": ["test/loss"]}, "sweep.metric: the", id="metric"),
        pytest.param(
            {"direction": "maximize"}, "hydra.sweeper.direction: ", id="direction"
        ),
        pytest.param({"config": "other"}, "config: .*another sweep.name", id="config"),
    ],
)
def test_study_of_something_else_is_an_error_unless_it_has_learnt_nothing(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    search(tmp_path).take()
    assert search(tmp_path, **changed).trials == []
    before = search(tmp_path, trials=1)
    lead(before)
    with pytest.raises(ConfigError, match=message):
        search(tmp_path, **changed)


def test_study_that_has_found_nothing_can_be_drawn() -> None:
    study = optuna.create_study()
    assert b"val/loss" in draw_study(study, ["val/loss"], "svg")


HOLDER = """
import os, signal, sys
from gwbricks.sweeps.search.study import JournalLock
JournalLock(sys.argv[1]).acquire()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_lock_of_a_journal_ends_with_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage = study_storage("journal", Path())  # as relative as the user's folders
    study = optuna.create_study(storage=storage, study_name="one")
    journal = str(tmp_path / "study.journal")
    killed = subprocess.run([sys.executable, "-c", HOLDER, journal], check=False)
    assert killed.returncode == -signal.SIGKILL
    study.add_trial(optuna.trial.create_trial(value=1.0))
    assert len(study.trials) == 1
