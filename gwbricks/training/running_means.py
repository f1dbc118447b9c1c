"""Means of logged values, kept on the device until they are asked for."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gwbricks.bricks.across_processes import reduced


class RunningMeans:
    """Adds up values without copying them off the device.

    Values that come together are added as one tensor.

    Example:
        >>> means = RunningMeans()
        >>> means.add({"loss": torch.tensor(1.0)}, weight=1)
        >>> means.add({"loss": torch.tensor(4.0)}, weight=2)
        >>> means.take()
        {'loss': 3.0}
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], Tensor] = {}
        self._weights: dict[tuple[str, ...], float] = {}

    def add(self, values: Mapping[str, Tensor], weight: float = 1.0) -> None:
        """Adds scalar values by name.

        Args:
            values: Scalars by name.
            weight: Weight in the mean, such as the number of rows.
        """
        if not values:
            return
        names = tuple(values)
        with torch.no_grad():
            scalars = [v if v.ndim == 0 else v.reshape(()) for v in values.values()]
            stacked = torch.stack(scalars).float()
        if weight != 1.0:
            stacked = stacked * weight
        total = self._sums.get(names)
        self._sums[names] = stacked if total is None else total.add_(stacked)
        self._weights[names] = self._weights.get(names, 0.0) + weight

    def take(self) -> dict[str, float]:
        """Returns the mean of each value, over all processes, and starts anew."""
        sums: dict[str, tuple[float, float]] = {}
        for names, values in self._sums.items():
            for name, value in zip(names, values.tolist(), strict=True):
                total, weight = sums.get(name, (0.0, 0.0))
                sums[name] = total + value, weight + self._weights[names]
        self._sums, self._weights = {}, {}
        return reduced(sums)


def plain_numbers(value: Any) -> Any:  # noqa: ANN401 - whatever a metric computes
    """Returns tensors, in lists and tuples too, as numbers.

    Example:
        >>> plain_numbers((torch.tensor(1), "x"))
        [1, 'x']
    """
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain_numbers(item) for item in value]
    return value
