import csv
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import LambdaCallback
from omegaconf import DictConfig

from gwbricks.runs.train import Place, train
from gwbricks.training.callbacks.signals import terminable, Terminated, Termination

Config = Callable[..., DictConfig]

SLOW = pytest.mark.slow
LAST = "outputs/example/run/checkpoints/last.ckpt"
LONG = (
    *("trainer.max_epochs=2", "selection@workspace.selection=random"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
)


def terminate(hook: str, count: int) -> Callback:
    """Sends SIGTERM to a training in a hook, the n-th time that it is called."""
    left = [count]

    def kill(trainer: Trainer, module: LightningModule, *_: object) -> None:
        left[0] -= not trainer.sanity_checking
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    return LambdaCallback(**{hook: kill})


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
    hook: str,
    count: int,
    steps: int,
) -> None:
    whole = train(config(*LONG), Place("example", "whole"))
    killer = terminate(hook, count)
    with pytest.raises(Terminated):
        train(config(*LONG), Place("example", "run"), callbacks=[killer])
    record = json.loads(Path("outputs/example/run/run.json").read_text())
    assert record["status"] == "interrupted"
    assert torch.load(LAST, weights_only=True)["global_step"] == steps

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
    config: Config,
) -> None:
    killer = terminate("on_fit_start", 1)
    with pytest.raises(Terminated):
        train(config(*LONG), Place("example", "run"), callbacks=[killer])
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
