"""`hydra/sweeper=optuna`, with jobs that only pretend to train."""

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.recorded_launcher import RecordedLauncher
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.task import SweepTask

SEARCH = [
    *("train", "-m", "hydra/sweeper=optuna", "hydra.sweeper.storage=journal"),
    *("sweep.name=mine", "seed=3"),
]
LR = "optimizer.lr=tag(log,interval(1e-4,1e-1))"
FOLDER = Path("outputs/sweeps/mine")

Cli = Callable[..., Any]


@pytest.fixture
def launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[list[dict[str, Any]]]:
    """The configs of the jobs of each batch; a job's loss is its learning rate."""
    monkeypatch.chdir(tmp_path)
    batches: list[list[dict[str, Any]]] = []

    def run(
        self: RecordedLauncher,
        task: SweepTask,
        sweep: SweepFolder,
        jobs: Mapping[str, JobSpec],
        given: Mapping[str, Sequence[str]],
    ) -> None:
        batches.append([dict(spec.config) for spec in jobs.values()])
        for identity, spec in jobs.items():
            job = sweep.read(identity).begun()
            if spec.config["threads"] == 7:
                error = "ConfigError: sweep.metric: the run will have no such number"
                sweep.write(job.ended("failed", error))
                continue
            folder = sweep.path / job.name
            folder.mkdir()
            loss = {"loss": spec.config["optimizer"]["lr"]}
            dim = {"dim": spec.config["workspace"]["dim"]}
            (folder / "metrics.json").write_text(json.dumps({"val": loss, "test": dim}))
            sweep.write(job.ended("finished"))

    monkeypatch.setattr(RecordedLauncher, "_run", run)
    return batches


def found(batches: Sequence[Sequence[dict[str, Any]]], key: str) -> list[Any]:
    section, _, name = key.partition(".")
    return [config[section][name] for batch in batches for config in batch]


@pytest.mark.slow
def test_best_trial_is_a_command_and_the_study_a_picture(
    cli: Cli, launched: list[list[dict[str, Any]]]
) -> None:
    shown = cli(*SEARCH, LR, "workspace.dim=4,8", "hydra.sweeper.trials=3")
    assert shown.status == 0
    assert [len(batch) for batch in launched] == [1, 1, 1]
    rates = found(launched, "optimizer.lr")
    best = rates.index(min(rates))
    dim = found(launched, "workspace.dim")[best]
    names = sorted(path.name for path in FOLDER.glob("0*"))
    first = found(launched, "workspace.dim")[0]
    assert names[0] == f"000_optimizer.lr={rates[0]:.4g}_workspace.dim={first}"
    assert f"best trial: val/loss {min(rates):.4g} ({names[best]})" in shown.out
    lines = shown.out.splitlines()
    (command,) = [line for line in lines if line.startswith("  gwbricks train")]
    overrides = ["seed=3", f"optimizer.lr={min(rates)}", f"workspace.dim={dim}"]
    assert shlex.split(command) == ["gwbricks", "train", *overrides]
    assert "[3/3] 002_" in shown.out
    assert (FOLDER / "study.svg").stat().st_size > 0
    again = cli(*SEARCH, LR, "workspace.dim=4,8", "hydra.sweeper.trials=3")
    assert again.status == 0
    assert len(launched) == 3
    assert "3 jobs: 3 finished" in again.out


@pytest.mark.slow
def test_batch_is_as_large_as_there_are_jobs_at_a_time(
    cli: Cli, launched: list[list[dict[str, Any]]]
) -> None:
    grid = ["optimizer.lr=0.1,0.01,0.001", "hydra.sweeper.sampler=grid"]
    assert cli(*SEARCH, *grid, "sweep.jobs=2").status == 0
    assert [len(batch) for batch in launched] == [2, 1]
    assert found(launched, "optimizer.lr") == [0.1, 0.01, 0.001]
    trials = [c["hydra"]["sweeper"]["trial"] for batch in launched for c in batch]
    assert trials == [0, 1, 2]
    records = [json.loads(p.read_text()) for p in FOLDER.glob("jobs/*.json")]
    assert {tuple(job["overrides"][:1]) for job in records} == {("seed=3",)}
    assert "hydra.sweeper" not in str([job["overrides"] for job in records])


@pytest.mark.slow
def test_space_can_stand_in_an_experiment(
    cli: Cli, launched: list[list[dict[str, Any]]]
) -> None:
    folder = Path("configs/experiment")
    folder.mkdir(parents=True)
    experiment = {
        "defaults": ["main_example", "_self_"],
        "hydra": {
            "sweeper": {
                "space": {"optimizer.lr": [0.1, 0.2], "workspace.dim": "range(4,13,4)"},
                "sampler": {"name": "nsga2", "population_size": 2},
                "direction": ["minimize", "maximize"],
                "trials": 3,
            }
        },
        "sweep": {"metric": ["val/loss", "test/dim"]},
    }
    text = "# @package _global_\n" + yaml.safe_dump(experiment, sort_keys=False)
    (folder / "mine.yaml").write_text(text)
    shown = cli(*SEARCH, "experiment=mine")
    assert shown.status == 0
    assert {*found(launched, "optimizer.lr")} <= {0.1, 0.2}
    assert {*found(launched, "workspace.dim")} <= {4, 8, 12}
    assert "best trial: val/loss 0." in shown.out
    assert ", test/dim " in shown.out


@pytest.mark.slow
def test_search_whose_every_trial_is_wrong_ends_at_once(
    cli: Cli, launched: list[list[dict[str, Any]]]
) -> None:
    shown = cli(*SEARCH, LR, "threads=7")
    assert shown.status == 2
    assert len(launched) == 1
    assert "no trial of this search can work" in shown.err
    assert "sweep.retry=failed" in shown.err
    assert cli(*SEARCH, LR, "sweep.retry=failed", "hydra.sweeper.trials=2").status == 0
    assert found(launched, "optimizer.lr")[0] == found(launched, "optimizer.lr")[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(["optimizer.lrr=interval(0,1)"], "'optimizer.lrr'", id="key"),
        pytest.param([LR, "hydra.sweeper.trails=5"], "trails", id="setting"),
        pytest.param([LR, "hydra.sweeper.sampler=tep"], "mean 'tpe'?", id="sampler"),
        pytest.param(
            ["workspace.dim=tag(log,int(interval(0,8)))"], "starts at 0", id="log"
        ),
        pytest.param(["optimizer.lr=interval(0,,1)"], "cannot be read", id="grammar"),
        pytest.param([], "nothing to search", id="nothing"),
        pytest.param([LR, "sweep.jobs=0"], "sweep.jobs: 0", id="jobs"),
    ],
)
def test_impossible_search_starts_nothing(
    cli: Cli,
    launched: list[list[dict[str, Any]]],
    overrides: list[str],
    message: str,
) -> None:
    shown = cli(*SEARCH, *overrides)
    assert shown.status == 2
    assert message in shown.err
    assert "Traceback" not in shown.err
    assert not list(FOLDER.glob("study*"))


def test_number_of_a_trial_is_not_given(
    cli: Cli, launched: list[list[dict[str, Any]]]
) -> None:
    shown = cli(*SEARCH, LR, "hydra.sweeper.trial=3")
    assert shown.status == 2
    assert "hydra.sweeper.trial: is filled in. Did you mean 'trials'?" in shown.err
    assert launched == []


def test_search_without_optuna_names_the_extra(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)  # as if it were not installed
    shown = cli(*SEARCH, LR)
    assert shown.status == 2
    assert "Fix: pip install 'gwbricks[optuna]'" in shown.err
