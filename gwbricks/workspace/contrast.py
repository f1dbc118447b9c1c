"""The contrastive loss of every pair of domains that rows have in common."""

import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import distributed, nn, Tensor

from gwbricks.bricks import LossOutput
from gwbricks.workspace.planning.plan import Pair, Plan


class Contrast(nn.Module):
    """Applies a contrastive loss to each pair of domains of each group.

    Pairs with the same number of rows are compared in one call, if the loss says that
    it takes several (`batched`). A pair with a single row has nothing to tell apart: it
    is left out, with a warning.

    Args:
        loss: Takes the encodings of two domains, of shape `(rows, dim)` each.
        gather: Whether the rows of all processes that train together are compared. They
            must then have the same groups, of the same sizes, as gwbricks' loaders
            give them.
    """

    def __init__(self, loss: nn.Module, gather: bool = False) -> None:
        super().__init__()
        self.loss = loss
        self.gather = gather

    def forward(self, encodings: Mapping[str, Tensor], plan: Plan) -> LossOutput | None:
        """Returns the mean over pairs and groups, with each pair's as metrics.

        None if no row has two domains.
        """
        processes = self._processes()
        pairs = [pair for pair in plan.pairs if pair.rows * processes > 1]
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
        for pair, loss in zip(pairs, losses, strict=True):
            name = f"{pair.first}-and-{pair.second}"
            names.setdefault(name, []).append(loss.detach())
        means = {name: _mean(values) for name, values in names.items()}
        return LossOutput(_mean(losses), {**means, **metrics})

    def _compare(
        self, encodings: Mapping[str, Tensor], pairs: list[Pair]
    ) -> tuple[Sequence[Tensor], dict[str, Tensor]]:
        """Returns the loss of each pair, and what the loss says of all."""
        sides = [
            (
                encodings[pair.first].narrow(0, pair.first_start, pair.rows),
                encodings[pair.second].narrow(0, pair.second_start, pair.rows),
            )
            for pair in pairs
        ]
        # Pairs of one size are one product of three dimensions instead of many of two.
        is_batched = len(pairs) > 1 and getattr(self.loss, "batched", False)
        if is_batched and len({pair.rows for pair in pairs}) == 1:
            first, second = (torch.stack(side) for side in zip(*sides, strict=True))
            output = self.loss(self._gather(first), self._gather(second))
            return output.loss.unbind(), output.metrics
        outputs = [self.loss(self._gather(x), self._gather(y)) for x, y in sides]
        return [output.loss.reshape(()) for output in outputs], outputs[-1].metrics

    def _processes(self) -> int:
        """Returns how many processes give rows; in evaluation they may differ."""
        is_alone = not (self.gather and self.training and distributed.is_initialized())
        return 1 if is_alone else distributed.get_world_size()

    def _gather(self, rows: Tensor) -> Tensor:
        """Returns the rows of all processes."""
        processes = self._processes()
        if processes == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(processes)]
        distributed.all_gather(parts, rows.detach().contiguous())
        # A distributed training averages the gradients over processes, but each has the
        # whole gradient of its own rows and none of the others'.
        own = rows.detach() + processes * (rows - rows.detach())
        parts[distributed.get_rank()] = own
        return torch.cat(parts, dim=-2)


def _mean(values: Sequence[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack([*values]).mean()
