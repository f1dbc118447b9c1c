"""The floor: the matrix products of a step and nothing else, forward and backward."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from plain import PlainWorkspace
from torch import nn, Tensor
from work import DIM, Work


def matrix_products(
    work: Work, columns: Mapping[str, Tensor]
) -> list[Callable[[], Tensor]]:
    """Returns the products of one step, at the row counts of the plain loop.

    Args:
        work: The work.
        columns: A batch.
    """
    workspace = PlainWorkspace(work)
    products: list[Callable[[], Tensor]] = []

    def note(linear: nn.Linear, args: tuple[Tensor], result: Tensor) -> None:
        x, weight, gradient = args[0].detach(), linear.weight.detach(), result.detach()
        products.append(partial(torch.mm, x, weight.T))
        if linear.weight.requires_grad:
            products.append(partial(torch.mm, gradient.T, x))
        if args[0].requires_grad:
            products.append(partial(torch.mm, gradient, weight))

    for module in workspace.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(note)
    workspace(columns)
    pairs = len(workspace.rows.pairs)
    side = torch.randn(pairs, work.batch_size, DIM)
    similarities = torch.randn(pairs, work.batch_size, work.batch_size)
    similar = [
        partial(torch.bmm, side, side.mT),
        partial(torch.bmm, similarities, side),
    ]
    return [*products, *similar, partial(torch.bmm, similarities.mT, side)]
