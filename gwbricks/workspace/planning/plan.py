"""The plan of a batch: which rows each encoder and decoder is given."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from gwbricks.workspace.planning.routes import Domains
from gwbricks.workspace.planning.terms import Terms


@dataclass(frozen=True, eq=False)
class DomainRows:
    """Consecutive rows that are of one domain alone.

    Args:
        domain: The domain.
        rows: Rows of its encodings.
        first: First of them, if they follow each other; else None.
    """

    domain: str
    rows: Int[Tensor, " rows"]
    first: int | None


@dataclass(frozen=True, eq=False)
class RowSet:
    """Rows that are fused, and where to find their encodings.

    Args:
        count: Number of rows.
        present: Which domains are fused in each row.
        index: For each domain, the row of its encodings; anything where not present.
        parts: All the rows, if each is of one domain alone; else nothing.
    """

    count: int
    present: Bool[Tensor, "rows domains"]
    index: dict[str, Int[Tensor, " rows"]]
    parts: tuple[DomainRows, ...] = ()

    def to(self, device: torch.device) -> "RowSet":
        """Returns the row set on another device."""
        index = {domain: rows.to(device) for domain, rows in self.index.items()}
        parts = tuple(replace(part, rows=part.rows.to(device)) for part in self.parts)
        return replace(self, present=self.present.to(device), index=index, parts=parts)

    def take_alone(self, columns: Mapping[str, Tensor]) -> Tensor | None:
        """Returns all rows if each is of one domain alone; else None."""
        # Slices instead of a stack of all domains that is zero but for one of each row.
        taken = [_pick(columns[p.domain], p.rows, p.first) for p in self.parts]
        return (torch.cat(taken) if len(taken) > 1 else taken[0]) if taken else None

    def take(self, columns: Mapping[str, Tensor], domain: str) -> Tensor:
        """Returns a domain's rows; zeros if no row has it."""
        # Zeros of a domain without data have the form of another's; nothing reads them.
        like = columns[domain if domain in columns else min(columns)]
        if domain in columns and like.shape[0]:
            return like.index_select(0, self.index[domain])
        return like.new_zeros(self.count, *like.shape[1:])

    def mask(self, rows: Tensor) -> Bool[Tensor, "rows domains"]:
        """Returns which domains are fused in each of the rows that were taken."""
        del rows
        return self.present


@dataclass(frozen=True)
class RouteRows:
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
        first_row: First of the rows, if they follow each other; else None.
        first_target: The same of the targets.
    """

    rows: Int[Tensor, " rows"]
    targets: Int[Tensor, " targets"]
    runs: tuple[RouteRows, ...]
    reencoded: tuple[int, int]
    first_row: int | None = None
    first_target: int | None = None

    def to(self, device: torch.device) -> "Column":
        """Returns the column on another device."""
        return replace(self, rows=self.rows.to(device), targets=self.targets.to(device))

    def take(self, states: Tensor) -> Tensor:
        """Returns the states that are decoded."""
        return _pick(states, self.rows, self.first_row)

    def true(self, latents: Tensor, start: int, stop: int) -> Tensor:
        """Returns what some of the rows with a target are compared with.

        Args:
            latents: The domain's column of latents, or of raw data.
            start: First of the rows.
            stop: Row after the last.
        """
        first = None if self.first_target is None else self.first_target + start
        return _pick(latents, some_rows(self.targets, start, stop), first)

    def retake(self, broadcast: Tensor) -> Tensor:
        """Returns the decoded rows that are encoded again."""
        start, stop = self.reencoded
        return broadcast[start:stop]

    @cached_property
    def kinds(self) -> dict[str, tuple[RouteRows, ...]]:
        """The runs of each kind, in order."""
        kinds = dict.fromkeys(run.kind for run in self.runs)
        return {kind: tuple(r for r in self.runs if r.kind == kind) for kind in kinds}


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
        chunks: Plans of the routes, if they are computed part by part.
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
    chunks: "tuple[Plan, ...]" = ()

    def has_domain(self, domain: str) -> Bool[Tensor, " items"]:
        """Returns which items have a domain, in the order of its column."""
        return self.items.present[:, self.domains.index(domain)]


def some_rows(rows: Tensor, start: int, stop: int) -> Tensor:
    """Returns some rows; those of all are the tensor itself.

    A slice of everything would cost its gradient a copy.
    """
    return rows if stop - start == rows.shape[0] else rows[start:stop]


def _pick(values: Tensor, index: Tensor, first: int | None) -> Tensor:
    """Returns the rows of an index, without a copy if they follow each other."""
    if first is None:
        return values.index_select(0, index)
    return some_rows(values, first, first + index.shape[0])
