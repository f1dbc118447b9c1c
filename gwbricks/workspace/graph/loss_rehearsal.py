"""What a domain's loss returns, found without a trace."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import nn, Tensor

from gwbricks.bricks import LossOutput


def rehearse(
    loss: Callable[..., LossOutput | None], module: nn.Module, args: Sequence[Any]
) -> LossOutput | None:
    """Returns what a loss would return, and leaves its module and random draws alone.

    None also if the module cannot be copied, or if its loss fails.

    Args:
        loss: A method of the module.
        module: The module.
        args: What the loss is given.
    """
    # Weights are not copied but detached: in mixed precision, PyTorch would otherwise
    # keep a cast of them that has no gradient, for the real call to find.
    copies: dict[int, Any] = {id(p): p.detach() for p in module.parameters()}
    changing = [*module.buffers(), *(arg for arg in args if isinstance(arg, Tensor))]
    copies |= {id(tensor): tensor.detach().clone() for tensor in changing}
    gpus = {tensor.device for tensor in copies.values() if tensor.is_cuda}
    try:
        loss, args = deepcopy((loss, args), copies)
        # In a stack, PyTorch's functions draw with the random state of each run, which
        # `fork_rng` does not know of.
        stacks_ignored = torch._C.DisableTorchFunction()
        with torch.no_grad(), torch.random.fork_rng(gpus), stacks_ignored:
            return loss(*args)
    except Exception:  # the loss itself is to say what is wrong
        return None
