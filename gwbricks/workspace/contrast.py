"""The contrastive loss of every pair of domains that rows have in common."""

import warnings
from collections.abc import Mapping

import torch
from torch import nn, Tensor

from gwbricks.bricks import LossOutput
from gwbricks.workspace.plan import Pair, Plan


class Contrast(nn.Module):
    """Applies a contrastive loss to each pair of domains of each group.

    Pairs with the same number of rows are compared in one call, if the loss says that
    it takes several (`batched`). A pair with a single row has nothing to tell apart: it
    is left out, with a warning.

    Args:
        loss: Takes the encodings of two domains, of shape `(rows, dim)` each.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, encodings: Mapping[str, Tensor], plan: Plan) -> LossOutput | None:
        """Returns the mean over pairs and groups, with each pair's as metrics.

        None if no row has two domains.
        """
        pairs = [pair for pair in plan.pairs if pair.rows > 1]
        if len(pairs) < len(plan.pairs):
            warnings.warn(
                "contrastives: a group with a single row has nothing to tell apart and"
                " is left out. Fix: a data.batch_size of 2 or more.",
                stacklevel=2,
            )
        if not pairs:
            return None
        losses, metrics = self._compare(encodings, pairs)
        names: dict[str, list[Tensor]] = {}
        for pair, value in zip(pairs, losses.detach().unbind(), strict=True):
            names.setdefault(f"{pair.first}-and-{pair.second}", []).append(value)
        means = {name: torch.stack(values).mean() for name, values in names.items()}
        return LossOutput(losses.mean(), {**means, **metrics})

    def _compare(
        self, encodings: Mapping[str, Tensor], pairs: list[Pair]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        sides = [
            (
                encodings[pair.first].narrow(0, pair.first_start, pair.rows),
                encodings[pair.second].narrow(0, pair.second_start, pair.rows),
            )
            for pair in pairs
        ]
        if (
            getattr(self.loss, "batched", False)
            and len({pair.rows for pair in pairs}) == 1
        ):
            first, second = (torch.stack(side) for side in zip(*sides, strict=True))
            output = self.loss(first, second)
            return output.loss, output.metrics
        outputs = [self.loss(first, second) for first, second in sides]
        return torch.stack([output.loss for output in outputs]).flatten(), outputs[
            -1
        ].metrics
