"""Which jobs the launcher `stacked` takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from gwbricks.config.compose import compose
from gwbricks.errors import ConfigError
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.launchers.stacked import problems_of, StackedLauncher
from gwbricks.sweeps.task import SweepTask


def specs(*jobs: Sequence[str]) -> list[JobSpec]:
    composed = (compose(["paths.outputs=outputs", *overrides]) for overrides in jobs)
    plain: list[Any] = [OmegaConf.to_container(c, resolve=False) for c in composed]
    return [JobSpec({**config, "hydra": {}}) for config in plain]


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(("seed=1",), id="seed"),
        pytest.param(("loss_coefs.cycles=0.2",), id="coefficient"),
        pytest.param(("loss_coefs.cycles={coef: 1.0, start: 9}",), id="ramp"),
        pytest.param(("optimizer=sgd", "scheduler=null"), id="optimizer"),
        pytest.param(("callbacks=early_stopping",), id="callbacks"),
        pytest.param(("trainer.max_epochs=9",), id="epochs"),
        pytest.param(("data.seed=3",), id="data"),
        pytest.param(("domains.domain1.pretrain.seed=3",), id="pretraining"),
        pytest.param(("threads=2", "logger=csv", "sweep.jobs=2"), id="aside"),
    ],
)
def test_jobs_may_differ_in_what_is_a_runs_own(overrides: Sequence[str]) -> None:
    first = (
        ["loss_coefs.cycles={coef: 2.0, start: 3}"] if "start" in overrides[0] else []
    )
    assert problems_of(specs(first, overrides)) == []


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(["workspace.dim=4"], "workspace.dim: 16, 4: jobs", id="size"),
        pytest.param(["data.batch_size=9"], "data.batch_size: ", id="batch"),
        pytest.param(["loss_coefs.cycles=null"], "loss_coefs.cycles: ", id="off"),
        pytest.param(["loss_coefs.cycles=0"], "loss_coefs.cycles: ", id="measured"),
        pytest.param(["trainer.devices=2"], "trainer.devices: 1, 2", id="devices"),
        pytest.param(
            ["+loss_coefs.routes.cycles.domain1-through-domain2=2.0"],
            "loss_coefs.routes",
            id="routes",
        ),
    ],
)
def test_names_keys_that_cannot_be_stacked(
    overrides: Sequence[str], message: str
) -> None:
    problems = problems_of(specs([], overrides))
    assert any(message in problem for problem in problems)
    assert all(
        "Fix: a sweep for each value, or hydra/launcher=basic." in p for p in problems
    )


def test_nothing_is_started_if_jobs_cannot_be_stacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = specs(["workspace.dim=4", "sweep.name=mine"], ["sweep.name=mine"])
    with pytest.raises(ConfigError, match=r"workspace\.dim: 4, 16: jobs that differ"):
        StackedLauncher(size=None).run(SweepTask(), jobs)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [0, 1.5])
def test_size_is_a_whole_number(size: int) -> None:
    with pytest.raises(ConfigError, match=r"hydra\.launcher\.size: .* whole number"):
        StackedLauncher(size=size)
