"""Whether gradients flow: in training only, and not where nobody wants them."""

from contextlib import AbstractContextManager, nullcontext

import torch

from gwbricks.bricks.stage import Stage


def gradients_in(stage: Stage) -> AbstractContextManager[object]:
    """Returns a context with gradients in training only, if they are not off."""
    return torch.set_grad_enabled(torch.is_grad_enabled() and stage is Stage.TRAIN)


def gradients_if(are_wanted: bool) -> AbstractContextManager[object]:
    """Returns a context without gradients if they are not wanted, else no change."""
    if are_wanted or not torch.is_grad_enabled():
        return nullcontext()  # what sets the mode, even to what it is, is traced too
    return torch.no_grad()
