"""Answers to what Lightning asks of a module in every step, without delay.

A step of a small workspace takes a few milliseconds, and these a few hundredths each.
"""

from inspect import signature
from typing import Any

from lightning.pytorch import LightningModule
from torch.optim import Optimizer


class QuickHooks(LightningModule):
    """Does what a LightningModule does, with less in each step."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keeps the signature of the training step, which Lightning inspects."""
        super().__init_subclass__(**kwargs)
        vars(cls.training_step)["__signature__"] = signature(cls.training_step)

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401 - as in torch
        """Sets an attribute, without torch's search for modules in a hook's name."""
        if name == "_current_fx_name":  # set before and after each hook
            vars(self)[name] = value
        else:
            super().__setattr__(name, value)

    def optimizer_zero_grad(
        self, epoch: int, batch_idx: int, optimizer: Optimizer
    ) -> None:
        """Drops the gradients, without torch's note for the profiler."""
        del epoch, batch_idx
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips the gradients, if the trainer is told to."""
        if gradient_clip_val is not None:
            super().configure_gradient_clipping(
                optimizer, gradient_clip_val, gradient_clip_algorithm
            )
