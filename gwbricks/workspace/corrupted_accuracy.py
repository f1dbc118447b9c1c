"""How well classifiers stand a corruption."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torchmetrics import Metric


class CorruptedAccuracy(Metric):
    """Accuracy of classifiers at each scale of corruption; see `Corruption`.

    The scale of a row is the largest of its cells.

    Example:
        >>> metric = CorruptedAccuracy()
        >>> logits = {"head": torch.tensor([[1.0, 0.0], [1.0, 0.0]])}
        >>> scales = torch.tensor([[0.0, 0.0], [0.0, 0.5]])
        >>> metric.update(logits, torch.tensor([0, 1]), scales)
        >>> metric.compute()
        {'accuracy/head/scale_0': tensor(1.), 'accuracy/head/scale_0.5': tensor(0.)}
    """

    full_state_update = True
    scale: list[Tensor] | Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("scale", [], dist_reduce_fx="cat")

    def update(
        self, logits: Mapping[str, Tensor], label: Tensor, corruption: Tensor
    ) -> None:
        """Adds a batch.

        Args:
            logits: Logits by classifier, each of shape `(items, classes)`.
            label: Class of each item, of shape `(items,)`.
            corruption: Scale of each cell, of shape `(items, domains)`.
        """
        self._append("scale", corruption.amax(dim=1))
        for name in sorted(logits):
            if f"correct:{name}" not in self.metric_state:
                self.add_state(f"correct:{name}", [], dist_reduce_fx="cat")
            correct = logits[name].argmax(dim=1) == label
            self._append(f"correct:{name}", correct.float())

    def compute(self) -> dict[str, Tensor]:
        """Returns `accuracy/CLASSIFIER/scale_SCALE`."""
        # Scales are some of a given few, never computed: they can be compared exactly.
        scale = self._all("scale")
        return {
            f"accuracy/{name}/scale_{value:g}": correct[scale == value].mean()
            for state in sorted(self.metric_state.keys() - {"scale"})
            for name, correct in [(state.partition(":")[2], self._all(state))]
            for value in scale.unique().tolist()
        }

    def _append(self, state: str, rows: Tensor) -> None:
        getattr(self, state).append(rows)

    def _all(self, state: str) -> Tensor:
        rows: list[Tensor] | Tensor = getattr(self, state)
        return rows if isinstance(rows, Tensor) else torch.cat(rows)
