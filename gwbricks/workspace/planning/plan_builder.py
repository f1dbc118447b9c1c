"""A plan in the making: from the routes of a layout to the rows of every pass."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from gwbricks.data import Group, Layout
from gwbricks.workspace.planning.plan import (
    Column,
    DomainRows,
    Pair,
    Plan,
    RouteRows,
    RowSet,
)
from gwbricks.workspace.planning.route_choice import RouteChoice, RouteChoices
from gwbricks.workspace.planning.routes import (
    CYCLES,
    DEMI_CYCLES,
    Domains,
    FUSED,
    TRANSLATIONS,
)
from gwbricks.workspace.planning.terms import Term, Terms


@dataclass(frozen=True)
class Block:
    """The states of one group's rows.

    Args:
        group: The group.
        sources: Domains that its routes start from.
        fused: Domains that are fused to the states.
        start: Row of the first state.
    """

    group: Group
    sources: Domains
    fused: Domains
    start: int


class Blocks(dict[tuple[Group, Domains, Domains], Block]):
    """Blocks of states, one after the other."""

    rows = 0

    def add(self, group: Group, sources: Domains, fused: Domains) -> Block:
        """Returns the block; a new one comes after the others."""
        key = (group, sources, fused)
        if key not in self:
            self[key] = Block(group, sources, fused, self.rows)
            self.rows += group.rows
        return self[key]


@dataclass
class Entry:
    """The rows of a block that one domain decodes.

    Args:
        block: The block.
        choice: The route that ends here; None if there is none.
        is_cycled: Whether the rows are encoded again.
        start: First of them among all rows that the domain decodes, once all are known.
    """

    block: Block
    choice: RouteChoice | None = None
    is_cycled: bool = False
    start: int = -1

    @property
    def term(self) -> Term | None:
        """What the rows count for; None if there is nothing to compare with."""
        return self.choice.term if self.choice else None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.block.group.rows

    @property
    def stop(self) -> int:
        """Row after the last that the domain decodes."""
        return self.start + self.rows

    @property
    def rank(self) -> int:
        """Where the rows stand among those that a domain decodes.

        A loss compares a prefix of them, each kind of loss one slice of that, and a
        cycle encodes one slice of all: so rows with a target come first, by kind, and
        those that are encoded again are last of these and first of the others.
        """
        if self.is_cycled:
            return 3 if self.term else 4
        kinds = (DEMI_CYCLES, FUSED, TRANSLATIONS)
        return kinds.index(self.term.kind) if self.term else 5


class PlanBuilder:
    """A plan in the making.

    Args:
        domains: Domains of the workspace, sorted.
        layout: The batch's layout.
        choices: The routes that its rows take.
    """

    def __init__(self, domains: Domains, layout: Layout, choices: RouteChoices) -> None:
        self.domains = domains
        self.offsets = {domain: layout.offsets(domain) for domain in domains}
        self.groups = known_groups(layout, domains)
        self.counted = choices.counted
        self.items, self.states, self.restates = Blocks(), Blocks(), Blocks()
        self.entries: dict[str, dict[Block, Entry]] = {d: {} for d in domains}
        self.reentries: dict[str, list[Entry]] = {d: [] for d in domains}
        for group, known in self.groups.items():
            self.items.add(group, known, known)
        # Sorted, so that what a domain needs follows each other as often as can be: a
        # slice costs nothing, an index a copy and its gradient another.
        for choice in sorted(choices.taken, key=lambda choice: choice.route.sources):
            self._add(choice)

    def _add(self, choice: RouteChoice) -> None:
        group, route = choice.group, choice.route
        block = self.states.add(group, route.sources, route.sources)
        if route.kind != CYCLES:
            # A cycle through the target may already have it decode the block.
            entry = self.entries[route.target].setdefault(block, Entry(block))
            entry.choice = choice
            return
        for domain in route.through:
            self.entries[domain].setdefault(block, Entry(block)).is_cycled = True
        reblock = self.restates.add(group, route.sources, route.through)
        self.reentries[route.target].append(Entry(reblock, choice))

    def plan(self, device: torch.device) -> Plan:
        """Returns the finished plan.

        Args:
            device: Where the batch is.
        """
        entries = {
            domain: sorted(found.values(), key=lambda entry: entry.rank)
            for domain, found in self.entries.items()
        }
        for found in (*entries.values(), *self.reentries.values()):
            _place(found)
        columns = {d: self._column(d, entries[d]).to(device) for d in self.domains}
        recolumns = {
            d: self._column(d, self.reentries[d]).to(device) for d in self.domains
        }

        def reencoded(domain: str, block: Block) -> int:
            """Returns the row of a cycle's block among what is encoded again."""
            first = self.states[block.group, block.sources, block.sources]
            return self.entries[domain][first].start - columns[domain].reencoded[0]

        return Plan(
            domains=self.domains,
            groups=tuple(self.groups.values()),
            states=self._row_set(self.states, self._encoded).to(device),
            items=self._row_set(self.items, self._encoded).to(device),
            columns=columns,
            terms=self._terms(entries, device),
            restates=self._row_set(self.restates, reencoded).to(device),
            recolumns=recolumns,
            cycle_terms=self._terms(self.reentries, device),
            pairs=tuple(p for group in self.groups for p in self._pairs(group)),
        )

    def _encoded(self, domain: str, block: Block) -> int:
        return self.offsets[domain][block.group]

    def _column(self, domain: str, entries: Sequence[Entry]) -> Column:
        rows = [_range(entry.block.start, entry.rows) for entry in entries]
        compared = [(entry, term) for entry in entries if (term := entry.term)]
        targets = [_range(self._encoded(domain, e.block), e.rows) for e, _ in compared]
        runs = (RouteRows(e.start, e.stop, t.kind, t.route) for e, t in compared)
        cycled = [entry for entry in entries if entry.is_cycled]
        reencoded = (cycled[0].start, cycled[-1].stop) if cycled else (0, 0)
        index, true = _cat(rows), _cat(targets)
        return Column(index, true, tuple(runs), reencoded, _first(index), _first(true))

    def _terms(
        self, entries: Mapping[str, Iterable[Entry]], device: torch.device
    ) -> Terms:
        terms: dict[Term, int] = {}
        rows: dict[str, list[Tensor]] = {}
        for domain in self.domains:
            for entry in entries[domain]:
                if entry.term:
                    # Groups that differ in other columns alone, such as a label, share
                    # a term.
                    index = terms.setdefault(entry.term, len(terms))
                    part = torch.full((entry.rows,), index)
                    rows.setdefault(domain, []).append(part)
        joined = {domain: _cat(parts) for domain, parts in rows.items()}
        return Terms(tuple(terms), joined, device, self.counted)

    def _row_set(self, blocks: Blocks, start_of: Callable[[str, Block], int]) -> RowSet:
        # Domain after domain in memory, as encodings are stacked: what combines the two
        # then walks both in one order.
        present = torch.zeros(len(self.domains), blocks.rows, dtype=torch.bool).T
        index = {d: torch.zeros(blocks.rows, dtype=torch.long) for d in self.domains}
        for block in blocks.values():
            count = block.group.rows
            rows = slice(block.start, block.start + count)
            for domain in block.fused:
                present[rows, self.domains.index(domain)] = True
                index[domain][rows] = _range(start_of(domain, block), count)
        return RowSet(blocks.rows, present, index, _parts(blocks.values(), index))

    def _pairs(self, group: Group) -> list[Pair]:
        names = self.groups[group]
        starts = {domain: self.offsets[domain][group] for domain in names}
        return [
            Pair(first, second, starts[first], starts[second], group.rows)
            for position, first in enumerate(names)
            for second in names[position + 1 :]
        ]


def known_groups(layout: Layout, domains: Domains) -> dict[Group, Domains]:
    """Returns the domains of the workspace that the rows of each group have."""
    names = {g: tuple(d for d in g.columns if d in domains) for g in layout.groups}
    return {group: known for group, known in names.items() if known}


def _parts(
    blocks: Iterable[Block], index: Mapping[str, Tensor]
) -> tuple[DomainRows, ...]:
    """Returns the rows domain after domain; nothing if some fuse several domains."""
    parts = []
    for (domain, *others), found in groupby(blocks, key=lambda block: block.fused):
        if others:
            return ()
        run = list(found)
        stop = run[-1].start + run[-1].group.rows
        rows = index[domain][run[0].start : stop]
        parts.append(DomainRows(domain, rows, _first(rows)))
    return tuple(parts)


def _place(entries: Iterable[Entry]) -> None:
    """Puts the rows of entries one after the other."""
    start = 0
    for entry in entries:
        entry.start = start
        start = entry.stop


def _range(start: int, count: int) -> Tensor:
    return torch.arange(start, start + count)


def _cat(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.long)


def _first(index: Tensor) -> int | None:
    """Returns the first of some rows, if they follow each other; else None."""
    first = int(index[0]) if len(index) else 0
    follow = len(index) and torch.equal(index, _range(first, len(index)))
    return first if follow else None
