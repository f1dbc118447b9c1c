"""The rows of one split."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Split:
    """The rows of one split.

    Args:
        columns: Domains and labels, each of shape `(items, ...)`.
        present: For each domain, which items have it; absent means all do.
    """

    columns: dict[str, Tensor]
    present: dict[str, Tensor]

    def take(self, rows: Tensor) -> "Split":
        """Returns some of the rows.

        Args:
            rows: Which ones: of shape `(items,)`, true for those to take.
        """
        return Split(
            {name: values[rows] for name, values in self.columns.items()},
            {name: has[rows] for name, has in self.present.items()},
        )
