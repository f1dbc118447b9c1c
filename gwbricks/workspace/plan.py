"""The plan of a batch: which rows each encoder and decoder is given."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from gwbricks.losses import Terms
from gwbricks.workspace.routes import Domains


@dataclass(frozen=True, eq=False)
class RowSet:
    """Rows that are fused, and where to find their encodings.

    Args:
        count: Number of rows.
        present: Which domains are fused in each row.
        index: For each domain, the row of its encodings; anything where not present.
    """

    count: int
    present: Bool[Tensor, "rows domains"]
    index: dict[str, Int[Tensor, " rows"]]

    def to(self, device: torch.device) -> "RowSet":
        """Returns the row set on another device."""
        index = {domain: rows.to(device) for domain, rows in self.index.items()}
        return RowSet(self.count, self.present.to(device), index)


@dataclass(frozen=True)
class Run:
    """Consecutive rows of a column that belong to one route of one group.

    Args:
        start: First row.
        stop: Row after the last.
        kind: Kind of loss of the route.
        route: Name of the route.
    """

    start: int
    stop: int
    kind: str
    route: str


@dataclass(frozen=True, eq=False)
class Column:
    """What one domain decodes in one pass.

    Rows with a target come first, sorted by kind.

    Args:
        rows: Rows of the states that are decoded.
        targets: For each row with a target, its row in the domain's latents.
        runs: The rows of each route that has a target.
        reencoded: First row, and row after the last, that are encoded again for cycles.
    """

    rows: Int[Tensor, " rows"]
    targets: Int[Tensor, " targets"]
    runs: tuple[Run, ...]
    reencoded: tuple[int, int]

    def to(self, device: torch.device) -> "Column":
        """Returns the column on another device."""
        rows, targets = self.rows.to(device), self.targets.to(device)
        return Column(rows, targets, self.runs, self.reencoded)

    def kinds(self) -> dict[str, tuple[int, int]]:
        """Returns the first row, and the row after the last, of each kind."""
        found: dict[str, tuple[int, int]] = {}
        for run in self.runs:
            start = found.get(run.kind, (run.start, run.stop))[0]
            found[run.kind] = (start, run.stop)
        return found


@dataclass(frozen=True)
class Pair:
    """Rows that two domains have in common, in one group.

    Args:
        first: The one domain.
        second: The other, later in sorted order.
        first_start: First of the rows in the one domain's column.
        second_start: First of the rows in the other's.
        rows: Number of rows.
    """

    first: str
    second: str
    first_start: int
    second_start: int
    rows: int


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a batch's layout determines; computed once and cached.

    Args:
        domains: Domains of the workspace, sorted.
        groups: Domains of each group of rows.
        states: One row for each route's sources and item.
        items: One row for each item, of all its domains.
        columns: What each domain decodes.
        terms: Which errors belong to which loss.
        restates: One row for each cycle and item.
        recolumns: What each domain decodes at the end of cycles.
        cycle_terms: Which errors of cycles belong to which loss.
        pairs: Rows that two domains have in common.
    """

    domains: Domains
    groups: tuple[Domains, ...]
    states: RowSet
    items: RowSet
    columns: dict[str, Column]
    terms: Terms
    restates: RowSet
    recolumns: dict[str, Column]
    cycle_terms: Terms
    pairs: tuple[Pair, ...]

    def has_domain(self, domain: str) -> Bool[Tensor, " items"]:
        """Returns which items have a domain, in the order of its column."""
        return self.items.present[:, self.domains.index(domain)]
