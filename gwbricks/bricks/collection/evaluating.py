"""A module that is evaluated for a while, without gradients."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Puts a module into eval mode for a while, without gradients."""
    trained = [m for m in module.modules() if m.training]
    if trained:
        module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for submodule in trained:  # train() would turn on those that were off, too
            submodule.training = True
