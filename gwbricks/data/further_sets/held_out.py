"""Classes that a model is evaluated on, but not trained on."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gwbricks.data.further_sets.further_set import FurtherSet, Source
from gwbricks.data.split import Split
from gwbricks.errors import ConfigError, suggest

LISTED = 12
"""Most classes that a message lists."""


class HeldOutSet(FurtherSet):
    """The rows of some classes, which `train`, `val` and `test` then lack.

    Domains are not pretrained on them either. Those among the training rows are unused.

    Args:
        values: The classes.
        column: Column that holds the class of each row.

    Raises:
        ConfigError: If there is no value.
    """

    def __init__(self, values: Sequence[int], column: str = "label") -> None:
        if not values:
            raise ConfigError("values: none. Expected classes to hold out.")
        self.values = torch.tensor(list(values))
        self.column = column

    def kept(self, columns: Mapping[str, Tensor]) -> Tensor:
        """Returns which rows are of other classes.

        Raises:
            ConfigError: If there is no such column of classes.
        """
        return ~self._held(columns)

    def make(self, source: Source) -> Split:
        """Returns the rows of the classes.

        Raises:
            ConfigError: If a class has no row.
        """
        columns = source.loaded.columns
        held, classes = self._held(columns), columns[self.column].unique()
        if absent := self.values[~torch.isin(self.values, classes)].tolist():
            listed = ", ".join(map(str, classes[:LISTED].tolist()))
            more = f" and {len(classes) - LISTED} more" if len(classes) > LISTED else ""
            raise ConfigError(
                f"values: no {source.stage} row has the {self.column} {absent[0]}."
                f" Expected some of {listed}{more}."
            )
        return source.loaded.take(held)

    def _held(self, columns: Mapping[str, Tensor]) -> Tensor:
        known = sorted(name for name, rows in columns.items() if rows.ndim == 1)
        if self.column not in known:
            raise ConfigError(
                f"column: {self.column!r} is no column of classes."
                f"{suggest(self.column, known)}"
            )
        return torch.isin(columns[self.column], self.values)
