"""What is answered sooner is answered the same."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.optim import SGD

from gwbricks.training.quick_hooks import QuickHooks

Maker = Callable[..., Any]


class Gradients(Callback):
    """Keeps whether there are gradients, before they are dropped and after."""

    def __init__(self) -> None:
        self.before: list[bool] = []
        self.after: list[bool] = []

    def on_before_zero_grad(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: object
    ) -> None:
        """Notes what the last step has left."""
        del trainer, optimizer
        self.before.append(any(p.grad is not None for p in pl_module.parameters()))

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: object
    ) -> None:
        """Notes what there is before the next gradient."""
        del trainer, loss
        self.after.append(any(p.grad is not None for p in pl_module.parameters()))


def test_no_step_sees_the_gradients_of_another(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    seen = Gradients()
    make_trainer(callbacks=[seen]).fit(make_scale(), batches(range(3)))
    assert seen.before == [False, True, True]
    assert seen.after == [False, False, False]


def test_gradients_are_dropped_as_by_lightning_itself() -> None:
    name = "optimizer_zero_grad"
    asked, answered = getattr(LightningModule, name), getattr(QuickHooks, name)
    assert [*signature(asked).parameters] == [*signature(answered).parameters]
    for drop in (asked, answered):
        layer = nn.Linear(1, 1)
        layer(torch.ones(1)).backward()
        drop(QuickHooks(), 0, 0, SGD(layer.parameters(), lr=0.1))
        assert [p.grad for p in layer.parameters()] == [None, None]
