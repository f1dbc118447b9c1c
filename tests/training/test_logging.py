"""What is logged, when, and under which name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.loggers import Logger
from torch import nn, Tensor
from torch.optim import SGD
from torchmetrics.classification import BinaryConfusionMatrix, BinaryROC
from torchmetrics.regression import MeanAbsoluteError

from gwbricks.bricks import BrickCollection, BrickMetrics, BrickTrainable
from gwbricks.data import DigitsData, VectorsData
from gwbricks.errors import DivergedError
from gwbricks.training import LightningBrickCollection
from gwbricks.training.logs import check_finite

Maker = Callable[..., Any]


class Record(Logger):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int | None, dict[str, float]]] = []

    @property
    def name(self) -> str:
        """A name, which Lightning asks for."""
        return "record"

    @property
    def version(self) -> int:
        """A version, which Lightning asks for."""
        return 0

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Keeps nothing: the model declares none."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Keeps the metrics."""
        self.calls.append((step, metrics))

    def of(self, name: str) -> list[float]:
        """Returns the values of one name."""
        return [metrics[name] for _, metrics in self.calls if name in metrics]


@pytest.mark.parametrize(
    ("every", "accumulate", "expected"),
    [
        pytest.param(1, 1, [0, 1, 2, 3, 4, 5], id="every-step"),
        pytest.param(2, 1, [0.5, 2.5, 4.5], id="every-second-step"),
        pytest.param(4, 1, [1.5, 4.5], id="rest-at-the-end-of-the-epoch"),
        pytest.param(50, 1, [2.5], id="epoch-shorter-than-the-interval"),
        pytest.param(1, 2, [0.5, 2.5, 4.5], id="two-batches-a-step"),
        pytest.param(2, 2, [1.5, 4.5], id="two-batches-a-step-every-second-step"),
        pytest.param(1, 4, [1.5, 4.5], id="last-step-has-fewer-batches"),
    ],
)
def test_means_of_the_steps_are_logged(
    make_trainer: Maker,
    make_scale: Maker,
    batches: Maker,
    every: int,
    accumulate: int,
    expected: list[float],
) -> None:
    record = Record()
    trainer = make_trainer(
        logger=record, log_every_n_steps=every, accumulate_grad_batches=accumulate
    )
    trainer.fit(make_scale(), batches(range(6)))
    assert record.of("train/loss") == expected
    assert record.of("train/mean") == expected


class Shown(ProgressBar):
    """Keeps what it would show after each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[object] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        """Keeps the objective."""
        self.losses.append(self.get_metrics(trainer, pl_module).get("train/loss"))


def test_a_progress_bar_shows_the_objective(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    shown = Shown()
    trainer = make_trainer(
        callbacks=[shown], enable_progress_bar=True, log_every_n_steps=2
    )
    trainer.fit(make_scale(), batches(range(5)))
    assert shown.losses == [None, None, 0.5, 0.5, 2.5]


def test_an_interval_goes_on_where_the_epoch_left_off(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    record = Record()
    trainer = make_trainer(logger=record, log_every_n_steps=2, max_epochs=2)
    trainer.fit(make_scale(), batches(range(3)))
    assert record.of("train/mean") == [0.5, 2.0, 0.0, 1.5]


def test_all_losses_of_an_interval_are_one_call_of_the_logger(
    make_trainer: Maker, make_workspace: Maker, all_kinds: dict[str, float]
) -> None:
    record = Record()
    trainer = make_trainer(logger=record, log_every_n_steps=2, max_epochs=3)
    data = VectorsData({"t": 3, "v": 4}, 32, 4, 4, batch_size=8)
    trainer.fit(make_workspace(all_kinds), data.train_dataloader())
    assert len(record.calls) == 6
    names = {frozenset(metrics) for _, metrics in record.calls}
    assert len(names) == 1
    kinds = {"loss", *all_kinds}
    assert {f"train/{kind}" for kind in kinds} < set(names.pop())


@pytest.mark.parametrize("every", [3, 6], ids=["half-the-run", "the-run"])
def test_a_second_fit_logs_the_same_steps(
    make_trainer: Maker, make_scale: Maker, batches: Maker, every: int
) -> None:
    model, logged = make_scale(), []
    for _ in range(2):
        record = Record()
        trainer = make_trainer(logger=record, log_every_n_steps=every)
        trainer.fit(model, batches(range(6)))
        logged.append([(step, metrics["train/mean"]) for step, metrics in record.calls])
    assert logged[0] == logged[1]


def test_a_resumed_run_logs_whole_steps(
    make_trainer: Maker, make_scale: Maker, batches: Maker, tmp_path: Path
) -> None:
    settings = {"log_every_n_steps": 2, "accumulate_grad_batches": 2}
    first = make_trainer(**settings)
    first.fit(make_scale(), batches(range(8)))
    first.save_checkpoint(tmp_path / "last.ckpt")
    record = Record()
    second = make_trainer(logger=record, max_epochs=2, **settings)
    second.fit(make_scale(), batches(range(8)), ckpt_path=tmp_path / "last.ckpt")
    assert record.of("train/mean") == [1.5, 5.5]


def test_evaluation_counts_every_row_once(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    trainer = make_trainer()
    (val,) = trainer.validate(make_scale(), batches([0, 0, 6], 2), verbose=False)
    assert val == {"val/loss": 2.0, "val/mean": 2.0}
    (test,) = trainer.test(make_scale(), batches([0, 0, 9], 2), verbose=False)
    assert test == {"test/loss": 3.0, "test/mean": 3.0}


@pytest.mark.parametrize("stage", ["train", "val", "test"])
def test_logged_objective_is_the_sum_of_the_logged_kinds(
    make_trainer: Maker,
    make_workspace: Maker,
    make_vectors: Maker,
    all_kinds: dict[str, float],
    stage: str,
) -> None:
    trainer, model = make_trainer(log_every_n_steps=10), make_workspace(all_kinds)
    data = make_vectors()
    trainer.fit(model, datamodule=data)
    logged = dict(trainer.callback_metrics)
    if stage == "test":
        logged = trainer.test(model, datamodule=data, verbose=False)[0]
    expected = sum(coef * logged[f"{stage}/{kind}"] for kind, coef in all_kinds.items())
    assert logged[f"{stage}/loss"] == pytest.approx(float(expected), rel=1e-5)


def test_names_are_stage_kind_and_route(
    make_trainer: Maker, make_workspace: Maker, make_vectors: Maker
) -> None:
    trainer, coefs = make_trainer(), {"translations": 1.0, "cycles": 1.0}
    trainer.fit(make_workspace(coefs), datamodule=make_vectors())
    names = {
        "loss",
        "translations",
        "translations/t-to-v",
        "translations/v-to-t",
        "cycles",
        "cycles/t-through-v",
        "cycles/v-through-t",
    }
    expected = {f"{stage}/{name}" for stage in ("train", "val") for name in names}
    assert set(trainer.callback_metrics) == expected


def test_metrics_are_logged_when_an_epoch_ends(
    make_trainer: Maker, make_classifier: Maker
) -> None:
    record = Record()
    data, model = DigitsData(["mor"], batch_size=200), make_classifier()
    trainer = make_trainer(logger=record, max_epochs=2)
    trainer.fit(model, datamodule=data)
    assert len(record.of("train/cross_entropy")) == 14
    assert len(record.of("train/accuracy")) == 2
    (logged,) = trainer.test(model, datamodule=data, verbose=False)
    columns = data.splits["test"].columns
    model.eval()
    logits = model.brick_collection["head"].model(
        model.brick_collection["norm"].model(columns["mor"])
    )
    correct = logits.argmax(dim=1) == columns["label"]
    assert logged["test/accuracy"] == pytest.approx(correct.float().mean().item())


class Offset(nn.Module):
    """Adds a number that starts at zero to its input, and is not trained by a loss."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns predictions, targets and a loss for numbers of 0 to 3."""
        return (x + self.bias) / 4, x.long() // 2, (x + self.bias).mean()


def test_metrics_that_are_no_numbers_are_kept_as_summaries(
    make_trainer: Maker, batches: Maker
) -> None:
    pair = ["pred", "target"]
    metrics = {
        "mae": MeanAbsoluteError(),
        "confusion": BinaryConfusionMatrix(threshold=0.6),
        "roc": BinaryROC(),
    }
    bricks = {
        "offset": BrickTrainable(Offset(), ["x"], [*pair, "error"], ["error"]),
        "metrics": BrickMetrics(metrics, pair),
    }
    model = LightningBrickCollection(BrickCollection(bricks), partial(SGD, lr=0.0))
    (logged,) = make_trainer().test(model, batches(range(4), 2), verbose=False)
    assert set(logged) == {"test/loss", "test/error", "test/mae"}
    assert logged["test/mae"] == pytest.approx((0 + 0.25 + 0.5 + 0.25) / 4)
    assert model.summaries["test/confusion"] == [[2, 0], [1, 1]]
    false_rate, true_rate, thresholds = model.summaries["test/roc"]
    assert false_rate == [0, 0, 0, 0.5, 1]
    assert true_rate == [0, 0.5, 1, 1, 1]
    assert thresholds == [1, 0.75, 0.5, 0.25, 0]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf], ids=["nan", "infinite"])
def test_a_loss_that_is_not_finite_ends_the_run(
    make_trainer: Maker, make_scale: Maker, batches: Maker, bad: float
) -> None:
    message = rf"train/loss is {bad} at step 4 \(not finite: train/loss, train/mean\)"
    with pytest.raises(DivergedError, match=message):
        make_trainer(log_every_n_steps=2).fit(make_scale(), batches([0, 1, 2, bad, 4]))


def test_a_last_loss_that_is_not_finite_ends_the_run(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    trainer = make_trainer(log_every_n_steps=2)
    with pytest.raises(DivergedError, match=r"train/loss is nan at step 3"):
        trainer.fit(make_scale(), batches([0, 1, torch.nan]))


@pytest.mark.parametrize("stage", ["val", "test"])
def test_an_evaluation_that_is_not_finite_is_an_error(
    make_trainer: Maker, make_scale: Maker, batches: Maker, stage: str
) -> None:
    trainer = make_trainer()
    evaluate = {"val": trainer.validate, "test": trainer.test}[stage]
    with pytest.raises(DivergedError, match=rf"{stage}/loss is nan.*Fix: a smaller"):
        evaluate(make_scale(), batches([0, torch.nan]))


def test_the_sanity_check_tolerates_what_is_not_finite(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    trainer = make_trainer(num_sanity_val_steps=1, check_val_every_n_epoch=2)
    trainer.fit(make_scale(), batches([1]), batches([torch.nan]))
    assert trainer.callback_metrics["train/loss"] == 1.0


def test_message_about_many_losses_names_a_few() -> None:
    losses = {f"train/loss{i}": torch.nan for i in range(9)}
    message = r"not finite: train/loss0, train/loss1, train/loss2 and 6 more\)"
    with pytest.raises(DivergedError, match=message):
        check_finite(losses, step=1)
