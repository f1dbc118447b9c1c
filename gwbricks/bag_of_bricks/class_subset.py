"""A coarser label: whether a class is one of some."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import nn, Tensor


class ClassSubset(nn.Module):
    """Says of each label whether it is one of the given classes.

    Args:
        classes: The classes.

    Example:
        >>> ClassSubset([0, 6, 8, 9])(torch.tensor([6, 7]))
        tensor([1, 0])
    """

    classes: Tensor

    def __init__(self, classes: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("classes", torch.tensor(list(classes)))

    def forward(self, label: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
        """Returns 1 where the label is one of the classes, else 0."""
        return torch.isin(label, self.classes).long()
