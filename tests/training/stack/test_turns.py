"""Runs that are trained together end as each would alone."""

import json
import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import DictConfig

from gwbricks.errors import ConfigError, DivergedError
from gwbricks.runs.folder.place import Place
from gwbricks.runs.train import train
from gwbricks.training.callbacks.signals import terminable, Terminated
from gwbricks.training.stack.turns import StackedRun, train_together

Config = Callable[..., DictConfig]
Outcomes = dict[str, Any]

PLAIN = ("domains.domain1.pretrain=null", "domains.domain2.pretrain=null")
FUSION = (*PLAIN, "routes@workspace.routes=fusion", "+loss_coefs.fused=1.0")


def stack(
    config: Config,
    jobs: Mapping[str, tuple[str, ...]],
    further: Mapping[str, Callback] | None = None,
    again: Mapping[str, Path] | None = None,
) -> Outcomes:
    """Trains jobs together and returns what each gave, or raised."""
    outcomes: Outcomes = {}

    def action(name: str, overrides: tuple[str, ...], run: StackedRun) -> None:
        own = [callback for key, callback in (further or {}).items() if key == name]
        last = (again or {}).get(name)
        place = Place("stacked", name, again=last is not None)
        path = None if last is None else str(last)
        try:
            cfg = config(*overrides)
            callbacks, compute = [run, *own], run.compute
            outcomes[name] = train(cfg, place, (), path, callbacks, compute)
        except BaseException as error:
            outcomes[name] = error

    train_together([partial(action, name, given) for name, given in jobs.items()])
    return outcomes


def weights(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / "checkpoints" / "last.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


def assert_same(first: Path, second: Path) -> None:
    """Compares final numbers, logged values and weights."""
    numbers = [
        _flat(json.loads((f / "metrics.json").read_text())) for f in (first, second)
    ]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-5)
    lines = [(f / "metrics.csv").read_text().splitlines() for f in (first, second)]
    for line, other in zip(*lines, strict=True):
        for value, expected in zip(line.split(","), other.split(","), strict=True):
            try:
                assert float(value) == pytest.approx(float(expected), abs=1e-5)
            except ValueError:
                assert value == expected
    torch.testing.assert_close(weights(first), weights(second), atol=1e-5, rtol=0)


def _flat(node: object, key: str = "") -> dict[str, float]:
    if not isinstance(node, dict):
        return {key: node} if isinstance(node, int | float) else {}
    return {
        k: v for name in node for k, v in _flat(node[name], f"{key}/{name}").items()
    }


@pytest.mark.parametrize(
    "jobs",
    [
        pytest.param(
            {
                "a": (*PLAIN, "seed=0"),
                "b": (*PLAIN, "seed=1", "loss_coefs.contrastives=0.5"),
                "c": (*PLAIN, "optimizer.lr=0.01", "trainer.max_epochs=2"),
            },
            id="seeds-coefs-rates-lengths",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "a": (*FUSION, "selection@workspace.selection=random"),
                "b": (*FUSION, "selection@workspace.selection=random", "seed=1"),
            },
            id="fusion-with-random-selection",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "a": (*FUSION, "corruption@workspace.corruption=noise", "seed=1"),
                "b": (*FUSION, "corruption@workspace.corruption=noise", "seed=2"),
            },
            id="corrupted",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "a": (*PLAIN, "encoder@domains.domain1.encoder=variational", "seed=1"),
                "b": (*PLAIN, "encoder@domains.domain1.encoder=variational"),
            },
            id="variational-encoder",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                f"seed={seed}": (
                    *PLAIN,
                    f"seed={seed}",
                    "domains.domain1.encoder.dropout=0.1",
                    "domains.domain1.encoder.norm=batch",
                    "domains.domain1.encoder.bias=false",
                )
                for seed in range(2)
            },
            id="dropout-and-batch-norm",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"a": ("seed=0",), "b": ("seed=1", "loss_coefs.cycles=0.3")},
            id="simple-routes-of-pretrained-domains",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "a": (*PLAIN, "+trainer.gradient_clip_val=0.1"),
                "b": (*PLAIN, "+trainer.accumulate_grad_batches=2", "optimizer=sgd"),
            },
            id="clipped-and-accumulated",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_runs_end_as_each_alone(
    config: Config, jobs: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    outcomes = stack(config, jobs)
    for name, overrides in jobs.items():
        results = train(config(*overrides), Place("alone", name))
        assert outcomes[name] == pytest.approx(results, abs=1e-5)
        folders = (tmp_path / "outputs" / kind / name for kind in ("stacked", "alone"))
        assert_same(*folders)


class Diverge(Callback):
    """Makes the weights NaN at the third step."""

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: object,
        batch_idx: int,
    ) -> None:
        del batch, batch_idx
        if trainer.global_step == 3:
            for parameter in pl_module.parameters():
                parameter.data.fill_(torch.nan)


class Stop(Callback):
    """Sends SIGTERM to this process in the middle of an epoch."""

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: object,
        batch_idx: int,
    ) -> None:
        del batch, batch_idx
        del pl_module
        if trainer.global_step == 5:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.slow
def test_run_that_diverges_hurts_no_other(config: Config, tmp_path: Path) -> None:
    jobs = {name: (*PLAIN, f"seed={seed}") for seed, name in enumerate("abc")}
    outcomes = stack(config, jobs, {"b": Diverge()})
    assert isinstance(outcomes["b"], DivergedError)
    for name in "ac":
        train(config(*jobs[name]), Place("alone", name))
        outputs = tmp_path / "outputs"
        assert_same(outputs / "stacked" / name, outputs / "alone" / name)
    run = json.loads((tmp_path / "outputs/stacked/b/run.json").read_text())
    assert run["status"] == "failed"


@pytest.mark.slow
def test_stopped_runs_go_on_together(config: Config, tmp_path: Path) -> None:
    jobs = {name: (*PLAIN, f"seed={seed}") for seed, name in enumerate("ab")}
    with terminable() as termination:
        termination.is_deferred = True
        outcomes = stack(config, jobs, {"a": Stop()})
    assert {type(outcome) for outcome in outcomes.values()} == {Terminated}
    outputs = tmp_path / "outputs"
    run = json.loads((outputs / "stacked/a/run.json").read_text())
    assert run["status"] == "interrupted"
    again = {
        name: outputs / "stacked" / name / "checkpoints/last.ckpt" for name in jobs
    }
    stack(config, jobs, again=again)
    for name, overrides in jobs.items():
        train(config(*overrides), Place("alone", name))
        folders = [outputs / kind / name for kind in ("stacked", "alone")]
        expected, found = (weights(folder) for folder in folders)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        pytest.param(("data.matched=8",), "differ in shape", id="rows"),
        pytest.param(
            ("workspace.fusion.activation._target_=torch.nn.Sigmoid",),
            "first step is not what it is without",
            id="state-besides-weights",
        ),
        pytest.param(("workspace.dim=4",), "graphs of the jobs differ in", id="graph"),
        pytest.param(
            ("trainer.precision=bf16-mixed",), "cannot be stacked", id="precision"
        ),
    ],
)
def test_refuses_what_cannot_be_stacked(
    config: Config, other: tuple[str, ...], message: str
) -> None:
    outcomes = stack(config, {"a": PLAIN, "b": (*PLAIN, *other)})
    assert isinstance(outcomes["b"], ConfigError)
    assert message in str(outcomes["b"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(
            ("workspace.routes.sample=2",), "cannot be stacked: ", id="drawn-routes"
        ),
        pytest.param(
            ("bricks.reconstruction.alive_stages=[train]",),
            "bricks.reconstruction: it measures in training",
            id="metrics-in-training",
        ),
    ],
)
def test_refuses_graphs_that_cannot_be_stacked(
    config: Config, overrides: tuple[str, ...], message: str
) -> None:
    outcomes = stack(config, dict.fromkeys("ab", (*PLAIN, *overrides)))
    for outcome in outcomes.values():
        assert isinstance(outcome, ConfigError)
        assert message in str(outcome)
