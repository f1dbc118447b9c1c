from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from gwbricks.sweeps.search import published
from gwbricks.sweeps.search.published import publish_study, trial_table

METRICS = ["val/loss"]
LOGGER = {
    "wandb": {
        "_target_": "lightning.pytorch.loggers.WandbLogger",
        "project": "gwbricks",
        "mode": "offline",
        "group": "mine",
    }
}


@pytest.fixture
def study() -> optuna.Study:
    """Two trials that ended and one that failed."""
    study = optuna.create_study()
    space: dict[str, Any] = {"lr": FloatDistribution(0.0, 1.0)}
    for rate in (0.1, 0.2):
        trial = create_trial(params={"lr": rate}, distributions=space, value=rate / 2)
        study.add_trial(trial)
    study.add_trial(create_trial(state=optuna.trial.TrialState.FAIL))
    return study


def test_trials_are_rows(study: optuna.Study) -> None:
    columns, rows = trial_table(study, METRICS)
    assert columns == ["trial", "run", "state", "lr", "val/loss"]
    assert rows[1] == [1, None, "complete", 0.2, 0.1]
    assert rows[2] == [2, None, "fail", None, None]


def test_without_wandb_nothing_is_published(
    study: optuna.Study, tmp_path: Path
) -> None:
    assert publish_study(study, METRICS, tmp_path, {"wandb": None}) is None
    assert list(tmp_path.iterdir()) == []


def test_study_that_cannot_be_sent_is_told(
    study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "account_problem", lambda: "nobody is logged in.")
    online = {"wandb": {**LOGGER["wandb"], "mode": "online"}}
    found = publish_study(study, METRICS, tmp_path, online)
    assert found == "study: not in W&B, for nobody is logged in."


@pytest.mark.slow
def test_study_is_a_run_in_the_group_of_its_trials(
    study: optuna.Study, tmp_path: Path, read_wandb_file: Callable[[Path], Any]
) -> None:
    for _ in range(2):
        assert publish_study(study, METRICS, tmp_path, LOGGER) is None
    files = sorted(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
    found = [read_wandb_file(file) for file in files]
    assert len({read.run["run_id"] for read in found}) == 1
    run, summary = found[-1].run, found[-1].summary
    assert (run["run_group"], run["job_type"]) == ("mine", "study")
    assert found[-1].exit_code == 0
    assert summary["study._type"] == "image-file"
    assert (summary["trials.nrows"], summary["trials.ncols"]) == (3, 5)
