import csv
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import LambdaCallback
from omegaconf import DictConfig

from gwbricks.experiment.trainer import build_trainer
from gwbricks.runs.train import Place, train
from gwbricks.training.callbacks.signals import terminable, Terminated, Termination

Config = Callable[..., DictConfig]

SLOW = pytest.mark.slow
LAST = "outputs/example/run/checkpoints/last.ckpt"
LONG = (
    *("trainer.max_epochs=2", "selection@workspace.selection=random"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
)


@pytest.fixture
def terminate(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Has the next training get SIGTERM in a hook, the n-th time that it is called."""

    def terminate(hook: str, count: int) -> None:
        left = [count]

        def kill(trainer: Trainer, module: LightningModule, *_: object) -> None:
            left[0] -= not trainer.sanity_checking
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGTERM)

        def build(*args: Any) -> Trainer:
            trainer = build_trainer(*args)
            callback = LambdaCallback(**{hook: kill})
            trainer.callbacks.append(callback)  # pyright: ignore[reportAttributeAccessIssue] - Lightning's type hides the list
            return trainer

        monkeypatch.setattr("gwbricks.runs.train.build_trainer", build)

    return terminate


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]


def losses(run: Path) -> dict[int, str]:
    with (run / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["train/loss"]]
    assert len({row["step"] for row in rows}) == len(rows)
    return {int(row["step"]): row["train/loss"] for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hook", "count", "steps"),
    [
        pytest.param("on_train_batch_start", 4, 4, id="in-an-epoch", marks=SLOW),
        pytest.param("on_train_batch_start", 11, 11, id="in-the-second-epoch"),
        pytest.param("on_train_batch_start", 8, 8, id="in-the-last-batch", marks=SLOW),
        pytest.param("on_validation_start", 1, 8, id="in-validation", marks=SLOW),
    ],
)
def test_run_that_is_terminated_goes_on_as_if_nothing_was(
    config: Config,
    terminate: Callable[[str, int], None],
    hook: str,
    count: int,
    steps: int,
) -> None:
    whole = train(config(*LONG), Place("example", "whole"))
    terminate(hook, count)
    with pytest.raises(Terminated):
        train(config(*LONG), Place("example", "run"))
    record = json.loads(Path("outputs/example/run/run.json").read_text())
    assert record["status"] == "interrupted"
    assert torch.load(LAST, weights_only=True)["global_step"] == steps

    terminate(hook, -1)
    place = Place("example", "run", again=True)
    resumed = train(config(*LONG), place, ckpt_path=LAST)
    assert resumed == whole
    expected = weights(Path("outputs/example/whole/checkpoints/last.ckpt"))
    found = weights(Path(LAST))
    assert all(torch.equal(expected[name], found[name]) for name in expected | found)
    again = losses(Path("outputs/example/run"))
    missing = losses(Path("outputs/example/whole")).items() - again.items()
    assert {step for step, _ in missing} <= {steps - 1}
    after = json.loads(Path("outputs/example/run/run.json").read_text())
    assert (after["status"], after["started"]) == ("finished", record["started"])


def test_run_that_is_terminated_before_the_first_step_is_interrupted(
    config: Config, terminate: Callable[[str, int], None]
) -> None:
    terminate("on_fit_start", 1)
    with pytest.raises(Terminated):
        train(config(*LONG), Place("example", "run"))
    record = json.loads(Path("outputs/example/run/run.json").read_text())
    assert record["status"] == "interrupted"
    assert not Path(LAST).exists()


def test_signal_raises_once_and_leaves_its_handler_as_it_was() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with terminable() as outer, terminable() as inner:
        assert inner is outer
        with pytest.raises(Terminated):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_deferred_signal_waits_for_the_check() -> None:
    termination = Termination()
    termination.check()
    termination.is_deferred = True
    termination(signal.SIGTERM, None)
    with pytest.raises(Terminated):
        termination.check()
