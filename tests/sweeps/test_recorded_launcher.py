"""The launcher, around one that only pretends to run jobs."""

import json
import math
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from gwbricks.cli.hydra_registration import register_launchers, TARGET
from gwbricks.config.search_path import packaged_configs, register
from gwbricks.errors import ConfigError
from gwbricks.sweeps.recorded_launcher import RecordedLauncher
from gwbricks.sweeps.stopping import stoppable
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.task import SweepTask
from gwbricks.training.callbacks.signals import Terminated

SEEDS = [["seed=0"], ["seed=1"], ["seed=2"]]
Behaviour = Callable[[SweepFolder, str], None]


class Engine(Launcher):
    """Does to each job what a test says, and counts."""

    behaviour: Behaviour
    launched: list[list[str]]

    def setup(self, **given: Any) -> None:
        self.config = given["config"]

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        sweep = SweepFolder.of(self.config)
        self.launched.append([overrides[0] for overrides in job_overrides])
        for overrides in job_overrides:
            (job,) = [j for j in sweep.jobs() if list(j.overrides) == list(overrides)]
            type(self).behaviour(sweep, job.identity)
        return []


def finish(sweep: SweepFolder, identity: str) -> None:
    job = sweep.read(identity).begun()
    run = sweep.path / job.name
    run.mkdir(exist_ok=True)
    (run / "metrics.json").write_text(json.dumps({"val": {"loss": job.number + 0.5}}))
    sweep.write(job.ended("finished"))


@pytest.fixture
def launch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[float]]:
    """Launches a sweep over three seeds, whose jobs an engine treats in some way."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Engine, "launched", [], raising=False)
    register()
    register_launchers()
    Plugins.instance().register(Engine)

    def launch(behaviour: Behaviour, *overrides: str) -> list[float]:
        monkeypatch.setattr(Engine, "behaviour", staticmethod(behaviour), raising=False)
        with initialize_config_dir(str(packaged_configs()), version_base="1.3"):
            loader, config = _compose("sweep.name=mine", *overrides)
            launcher = RecordedLauncher(f"{Engine.__module__}.Engine")
            launcher.setup(
                hydra_context=HydraContext(loader, callbacks=None),  # pyright: ignore[reportArgumentType] - unused
                task_function=SweepTask(),
                config=config,
            )
            return [job.return_value for job in launcher.launch(SEEDS, 0)]

    return launch


def _compose(*overrides: str) -> tuple[Any, DictConfig]:
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    config = hydra.compose_config(
        "train",
        list(overrides),
        run_mode=RunMode.MULTIRUN,
        with_log_configuration=False,
    )
    return hydra.config_loader, config


def test_results_are_returned_in_the_order_of_the_jobs(
    launch: Callable[..., list[float]],
) -> None:
    assert launch(finish) == [0.5, 1.5, 2.5]
    assert Engine.launched == [["seed=0", "seed=1", "seed=2"]]


@pytest.mark.slow
def test_jobs_that_ended_are_not_launched_again(
    launch: Callable[..., list[float]],
) -> None:
    launch(finish)
    assert launch(finish) == [0.5, 1.5, 2.5]
    assert len(Engine.launched) == 1


@pytest.mark.slow
def test_failed_job_has_no_result_and_stops_no_other(
    launch: Callable[..., list[float]],
) -> None:
    def behaviour(sweep: SweepFolder, identity: str) -> None:
        finish(sweep, identity)
        job = sweep.read(identity)
        if job.number == 1:
            sweep.write(replace(job, status="failed", error="OSError: full"))

    results = launch(behaviour)
    assert results[::2] == [0.5, 2.5]
    assert math.isnan(results[1])
    assert launch(finish)[::2] == [0.5, 2.5]
    assert len(Engine.launched) == 1
    assert launch(finish, "sweep.retry=failed") == [0.5, 1.5, 2.5]
    assert Engine.launched[1:] == [["seed=1"]]


@pytest.mark.slow
def test_jobs_that_a_launcher_loses_are_launched_again(
    launch: Callable[..., list[float]],
) -> None:
    def behaviour(sweep: SweepFolder, identity: str) -> None:
        finish(sweep, identity)
        raise RuntimeError("a worker was killed")

    assert launch(behaviour) == [0.5, 1.5, 2.5]
    assert Engine.launched == [
        [seed for (seed,) in SEEDS[count:]] for count in range(3)
    ]


@pytest.mark.slow
def test_launcher_that_gets_nowhere_is_given_up(
    launch: Callable[..., list[float]], tmp_path: Path
) -> None:
    def behaviour(sweep: SweepFolder, identity: str) -> None:
        raise RuntimeError("no workers")

    assert all(map(math.isnan, launch(behaviour)))
    assert len(Engine.launched) == 1
    (sweep,) = tmp_path.glob("outputs/sweeps/mine")
    expected = "the launcher failed: RuntimeError: no workers"
    assert [job.error for job in SweepFolder(sweep).jobs()] == [expected] * 3


@pytest.mark.slow
def test_ctrl_c_leaves_the_rest_for_the_next_time(
    launch: Callable[..., list[float]],
) -> None:
    def behaviour(sweep: SweepFolder, identity: str) -> None:
        if sweep.read(identity).number < 1:
            finish(sweep, identity)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        launch(behaviour)
    assert launch(finish) == [0.5, 1.5, 2.5]
    assert Engine.launched[1:] == [["seed=1", "seed=2"]]


def test_sigterm_asks_processes_to_stop(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    before = signal.getsignal(signal.SIGTERM)
    found = []
    with pytest.raises(Terminated), stoppable(stop):
        found += [stop.exists(), os.kill(os.getpid(), signal.SIGTERM), stop.exists()]
    assert found == [False, None, True]
    assert not stop.exists()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("override", "message"),
    [
        pytest.param("sweep.jobs=0", "sweep.jobs: 0. Expected a whole", id="jobs"),
        pytest.param(
            "sweep.attempts=null", "sweep.attempts: None. Expe", id="attempts"
        ),
        pytest.param("sweep.retry=all", "'all'. Expected failed, or null", id="retry"),
    ],
)
def test_wrong_key_stops_a_sweep_before_it_starts(
    launch: Callable[..., list[float]], override: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        launch(finish, override)
    assert Engine.launched == []


def test_unknown_metric_of_a_sweep_names_the_close_match(
    launch: Callable[..., list[float]],
) -> None:
    message = r"sweep\.metric: the run has no 'val/los'\. Did you mean 'val/loss'\?"
    with pytest.raises(ConfigError, match=message):
        launch(finish, "sweep.metric=val/los")


def test_engine_must_be_one_of_hydras_launchers() -> None:
    with pytest.raises(ConfigError, match=r"engine: 'subprocess\.Popen' is no launch"):
        RecordedLauncher("subprocess.Popen", args=["true"])


def test_every_launcher_is_recorded() -> None:
    register_launchers()
    store = ConfigStore.instance()
    files = store.list("hydra/launcher")
    assert {"basic.yaml", "joblib.yaml", "submitit_local.yaml"} <= set(files)
    for file in files:
        assert store.load(f"hydra/launcher/{file}").node["_target_"] == TARGET
