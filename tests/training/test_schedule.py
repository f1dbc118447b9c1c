from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch.optim import Optimizer, SGD
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from gwbricks.errors import ConfigError
from gwbricks.training.schedule import has_ended

Maker = Callable[..., Any]

NO_LENGTH = partial(CosineAnnealingLR, T_max=None)  # pyright: ignore[reportArgumentType] - as YAML's null
MISSPELT = partial(OneCycleLR, max_lr=0.1, total_step=5)  # pyright: ignore[reportCallIssue] - on purpose


def rate(trainer: Trainer) -> float:
    return trainer.optimizers[0].param_groups[0]["lr"]


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        pytest.param({"max_epochs": 2}, 12, id="epochs"),
        pytest.param({"max_steps": 5, "max_epochs": -1}, 5, id="steps"),
        pytest.param({"max_epochs": 2, "max_steps": 7}, 7, id="fewer-steps"),
        pytest.param(
            {"max_epochs": 2, "accumulate_grad_batches": 4}, 4, id="accumulation"
        ),
        pytest.param({"max_epochs": 3, "limit_train_batches": 2}, 6, id="limit"),
    ],
)
@pytest.mark.parametrize(
    ("scheduler", "length"),
    [
        pytest.param(partial(OneCycleLR, max_lr=0.1), "total_steps", id="one-cycle"),
        pytest.param(CosineAnnealingLR, "T_max", id="cosine"),
        pytest.param(NO_LENGTH, "T_max", id="cosine-with-null"),
    ],
)
def test_length_is_that_of_the_run(
    make_trainer: Maker,
    make_scale: Maker,
    batches: Maker,
    settings: dict[str, Any],
    steps: int,
    scheduler: Callable[..., Any],
    length: str,
) -> None:
    trainer = make_trainer(**settings)
    trainer.fit(make_scale(scheduler=scheduler), batches(range(6)))
    assert trainer.global_step == steps
    schedule = trainer.lr_scheduler_configs[0].scheduler
    assert getattr(schedule, length) == steps
    assert schedule.last_epoch in (steps - 1, steps)


@pytest.mark.parametrize(
    ("scheduler", "length", "expected"),
    [
        pytest.param(
            partial(OneCycleLR, max_lr=0.1, total_steps=40), "total_steps", 40, id="one"
        ),
        pytest.param(
            partial(OneCycleLR, max_lr=0.1, epochs=3, steps_per_epoch=7),
            "total_steps",
            21,
            id="one-cycle-by-epochs",
        ),
        pytest.param(partial(CosineAnnealingLR, T_max=9), "T_max", 9, id="cosine"),
        pytest.param(partial(StepLR, step_size=2), "step_size", 2, id="no-length"),
    ],
)
def test_given_length_is_kept(
    make_trainer: Maker,
    make_scale: Maker,
    batches: Maker,
    scheduler: Callable[..., Any],
    length: str,
    expected: int,
) -> None:
    trainer = make_trainer()
    trainer.fit(make_scale(scheduler=scheduler), batches(range(6)))
    schedule = trainer.lr_scheduler_configs[0].scheduler
    assert getattr(schedule, length) == expected


def test_rate_changes_every_step(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    trainer = make_trainer(max_epochs=2)
    halve = partial(StepLR, step_size=1, gamma=0.5)
    trainer.fit(make_scale(lr=1.0, scheduler=halve), batches([0, 0, 0]))
    assert rate(trainer) == pytest.approx(0.5**6)


def test_rate_is_constant_without_a_schedule(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    trainer = make_trainer()
    trainer.fit(make_scale(lr=0.3), batches([0, 0]))
    assert rate(trainer) == 0.3
    assert trainer.lr_scheduler_configs == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({"max_epochs": 3}, 0.01, id="every-epoch"),
        pytest.param(
            {"max_epochs": 6, "check_val_every_n_epoch": 2}, 0.01, id="every-second"
        ),
    ],
)
def test_plateau_watches_the_validation_loss(
    make_trainer: Maker,
    make_scale: Maker,
    batches: Maker,
    settings: dict[str, Any],
    expected: float,
) -> None:
    trainer = make_trainer(**settings)
    model = make_scale(lr=1.0, scheduler=partial(ReduceLROnPlateau, patience=0))
    trainer.fit(model, batches([0]), batches([0]))  # a loss that never improves
    assert trainer.lr_scheduler_configs[0].monitor == "val/loss"
    assert rate(trainer) == pytest.approx(expected)


def test_length_of_an_endless_run_is_an_error(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    model = make_scale(scheduler=partial(OneCycleLR, max_lr=0.1))
    message = r"scheduler\.total_steps: the run has no end.*Fix: trainer\.max_epochs"
    with pytest.raises(ConfigError, match=message):
        make_trainer(max_epochs=-1).fit(model, batches([0]))


def test_endless_run_may_have_a_schedule_without_a_length(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    model = make_scale(lr=1.0, scheduler=partial(StepLR, step_size=1, gamma=0.5))
    trainer = make_trainer(max_epochs=-1, max_time={"seconds": 0.05})
    trainer.fit(model, batches([0]))
    assert rate(trainer) <= 0.5


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        pytest.param(
            MISSPELT,
            r"scheduler: .*unexpected keyword argument 'total_step'",
            id="unknown",
        ),
        pytest.param(OneCycleLR, r"scheduler: .*missing.*'max_lr'", id="missing"),
        pytest.param(
            partial(OneCycleLR, max_lr=0.1, pct_start=3.0),
            r"scheduler: .*pct_start",
            id="out-of-range",
        ),
    ],
)
def test_wrong_argument_is_an_error(
    make_trainer: Maker,
    make_scale: Maker,
    batches: Maker,
    scheduler: Callable[..., Any],
    message: str,
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_trainer().fit(make_scale(scheduler=scheduler), batches([0]))


def test_resumed_longer_run_keeps_the_last_rate(
    make_trainer: Maker, make_scale: Maker, batches: Maker, tmp_path: Path
) -> None:
    scheduler = partial(OneCycleLR, max_lr=0.1)
    first = make_trainer()
    first.fit(make_scale(lr=0.1, scheduler=scheduler), batches(range(6)))
    first.save_checkpoint(tmp_path / "last.ckpt")
    second = make_trainer(max_epochs=3)
    model = make_scale(lr=0.1, scheduler=scheduler)
    with pytest.warns(UserWarning, match="scheduler: it has ended with the run"):
        second.fit(model, batches(range(6)), ckpt_path=tmp_path / "last.ckpt")
    assert second.global_step == 18
    assert rate(second) == rate(first) < 1e-5


def make_optimizer() -> Optimizer:
    return SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def test_schedule_ends_with_its_last_step() -> None:
    optimizer = make_optimizer()
    schedule = OneCycleLR(optimizer, max_lr=0.1, total_steps=4)
    ends = []
    for _ in range(3):
        ends.append(has_ended(schedule))
        optimizer.step()
        schedule.step()
    assert ends == [False, False, False]
    assert has_ended(schedule)


def test_schedule_without_a_length_never_ends() -> None:
    schedule = LambdaLR(make_optimizer(), lambda step: 1 / (1 + step))
    assert not has_ended(schedule)
