"""Builds the plan of a layout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gwbricks.bricks import Stage
from gwbricks.data import Group, Layout
from gwbricks.errors import ConfigError
from gwbricks.losses import Term, Terms
from gwbricks.workspace.plan import Column, Pair, Plan, RowSet, Run
from gwbricks.workspace.routes import (
    BROADCAST,
    BroadcastRoutes,
    CYCLES,
    DEMI_CYCLES,
    Domains,
    FUSED,
    Route,
    Routes,
    TRANSLATIONS,
)

CACHED = 64
"""Number of layouts whose plans are kept."""


class Planner:
    """Gives each batch its plan.

    Args:
        domains: Domains of the workspace.
        routes: Which routes a group takes.
        kinds: Kinds of losses that are trained; evaluation computes all routes that end
            after one pass, for metrics.
    """

    def __init__(
        self, domains: Sequence[str], routes: Routes, kinds: Sequence[str]
    ) -> None:
        self.domains = tuple(sorted(domains))
        self.routes = routes
        self.kinds = frozenset(kinds)
        self._plans: dict[tuple[object, ...], Plan] = {}

    def __call__(
        self, stage: Stage, layout: Layout | None, *columns: Tensor | None
    ) -> Plan:
        """Returns the plan of a batch.

        Args:
            stage: The stage; it decides which routes are computed.
            layout: The batch's layout; None if its domains are all matched.
            columns: The domains' data in sorted order; None where the batch has none.

        Raises:
            ConfigError: If there is no layout and the domains differ in their rows, or
                the batch has no domain of the workspace.
        """
        known = {
            d: c for d, c in zip(self.domains, columns, strict=True) if c is not None
        }
        layout = layout or _matched(known)
        device = next((c.device for c in known.values() if isinstance(c, Tensor)), None)
        key = (stage, layout, device)
        if key not in self._plans:
            if len(self._plans) >= CACHED:
                self._plans.pop(next(iter(self._plans)))
            self._plans[key] = self._build(stage, layout, device or torch.device("cpu"))
        return self._plans[key]

    def _build(self, stage: Stage, layout: Layout, device: torch.device) -> Plan:
        if not set(layout.columns) & set(self.domains):
            raise ConfigError(
                f"batch: none of its columns ({', '.join(layout.columns)}) is a domain of"
                f" the workspace ({', '.join(self.domains)})."
            )
        if stage in (Stage.INFERENCE, Stage.EXPORT):
            return _Draft(self.domains, layout, BroadcastRoutes(), None, True).plan(
                device
            )
        evaluate = stage is not Stage.TRAIN
        extra = {DEMI_CYCLES, TRANSLATIONS, FUSED} if evaluate else set()
        kinds = self.kinds | extra
        return _Draft(self.domains, layout, self.routes, kinds, evaluate).plan(device)


def _matched(columns: Mapping[str, Tensor]) -> Layout:
    rows = {name: len(column) for name, column in columns.items()}
    if len(set(rows.values())) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(rows.items()))
        raise ConfigError(
            f"batch: its domains differ in their rows ({listed}), and it has no layout."
            " Fix: give a Table, or a mapping of frozensets of domains to matched rows."
        )
    return Layout(
        tuple(Group(tuple(sorted(rows)), n) for n in list(rows.values())[:1] if n)
    )


@dataclass
class _Block:
    """The states of one group's rows, fused of some of their domains."""

    group: Group
    sources: Domains
    start: int
    through: Domains = ()


@dataclass
class _Entry:
    """The rows of a block that one domain decodes."""

    block: _Block
    route: Route | None
    is_cycled: bool = False
    start: int = -1

    @property
    def rank(self) -> int:
        """Rows with a target first, by kind; those that are encoded again together."""
        kind = BROADCAST if self.route is None else self.route.kind
        ranks = {DEMI_CYCLES: 0, FUSED: 1, TRANSLATIONS: 2, BROADCAST: 5, CYCLES: 0}
        if self.is_cycled:
            return {TRANSLATIONS: 3}.get(kind, 4)
        return ranks[kind]


@dataclass
class _Draft:
    """A plan in the making."""

    domains: Domains
    layout: Layout
    routes: Routes
    kinds: frozenset[str] | set[str] | None
    evaluate: bool
    blocks: dict[tuple[Group, Domains], _Block] = field(default_factory=dict)
    reblocks: dict[tuple[Group, Domains, Domains], _Block] = field(default_factory=dict)
    entries: dict[str, dict[tuple[Group, Domains], _Entry]] = field(
        default_factory=dict
    )
    reentries: dict[str, list[_Entry]] = field(default_factory=dict)

    def plan(self, device: torch.device) -> Plan:
        """Returns the finished plan."""
        self.entries = {d: {} for d in self.domains}
        self.reentries = {d: [] for d in self.domains}
        self.offsets = {d: self.layout.offsets(d) for d in self.domains}
        groups = [(g, self._domains_of(g)) for g in self.layout.groups]
        groups = [(group, names) for group, names in groups if names]
        for group, names in groups:
            for route in self.routes.of(names, self.domains, self.evaluate):
                if self.kinds is None or route.kind in self.kinds:
                    self._add(group, route)
        columns = {d: self._column(d) for d in self.domains}
        recolumns = {d: self._recolumn(d) for d in self.domains}
        starts = {
            d: {
                key: e.start - columns[d].reencoded[0]
                for key, e in self.entries[d].items()
            }
            for d in self.domains
        }
        items, first = [], 0
        for group, names in groups:
            items.append(
                (
                    _Block(group, names, first),
                    {d: self.offsets[d][group] for d in names},
                )
            )
            first += group.rows
        states = [
            (b, {d: self.offsets[d][b.group] for d in b.sources})
            for b in self.blocks.values()
        ]
        restates = [
            (b, {d: starts[d][b.group, b.sources] for d in b.through})
            for b in self.reblocks.values()
        ]
        return Plan(
            self.domains,
            tuple(names for _, names in groups),
            self._row_set(states, device),
            self._row_set(items, device),
            {d: _move(column, device) for d, column in columns.items()},
            self._terms({d: list(e.values()) for d, e in self.entries.items()}, device),
            self._row_set(restates, device),
            {d: _move(column, device) for d, column in recolumns.items()},
            self._terms(self.reentries, device),
            tuple(
                pair for group, names in groups for pair in self._pairs(group, names)
            ),
        )

    def _domains_of(self, group: Group) -> Domains:
        return tuple(d for d in group.columns if d in self.domains)

    def _add(self, group: Group, route: Route) -> None:
        block = self._block(group, route.sources)
        key = (group, route.sources)
        if route.kind != CYCLES:
            entry = self.entries[route.target].setdefault(key, _Entry(block, route))
            entry.route = route
            return
        for domain in route.through:
            entry = self.entries[domain].setdefault(key, _Entry(block, None))
            entry.is_cycled = True
        rekey = (group, route.sources, route.through)
        if rekey not in self.reblocks:
            start = sum(b.group.rows for b in self.reblocks.values())
            self.reblocks[rekey] = _Block(group, route.sources, start, route.through)
        self.reentries[route.target].append(_Entry(self.reblocks[rekey], route))

    def _block(self, group: Group, sources: Domains) -> _Block:
        if (group, sources) not in self.blocks:
            start = sum(b.group.rows for b in self.blocks.values())
            self.blocks[group, sources] = _Block(group, sources, start)
        return self.blocks[group, sources]

    def _column(self, domain: str) -> Column:
        entries = dict(
            sorted(self.entries[domain].items(), key=lambda pair: pair[1].rank)
        )
        self.entries[domain] = entries
        column = self._lay_out(domain, list(entries.values()))
        cycled = [e for e in entries.values() if e.is_cycled]
        if not cycled:
            return column
        stop = cycled[-1].start + cycled[-1].block.group.rows
        return Column(column.rows, column.targets, column.runs, (cycled[0].start, stop))

    def _recolumn(self, domain: str) -> Column:
        return self._lay_out(domain, self.reentries[domain])

    def _lay_out(self, domain: str, entries: list[_Entry]) -> Column:
        rows, targets, runs, start = [], [], [], 0
        for entry in entries:
            entry.start, count = start, entry.block.group.rows
            rows.append(_range(entry.block.start, count))
            if entry.route is not None and entry.route.kind != BROADCAST:
                targets.append(_range(self.offsets[domain][entry.block.group], count))
                runs.append(
                    Run(start, start + count, entry.route.kind, entry.route.name)
                )
            start += count
        return Column(_cat(rows), _cat(targets), tuple(runs))

    def _terms(self, entries: dict[str, list[_Entry]], device: torch.device) -> Terms:
        terms: dict[Term, int] = {}
        rows: dict[str, list[Tensor]] = {}
        for domain in self.domains:
            for entry in entries[domain]:
                route = entry.route
                if route is None or route.kind == BROADCAST:
                    continue
                group = self._domains_of(entry.block.group)
                term = Term(route.kind, route.name, domain, group)
                index = terms.setdefault(term, len(terms))
                rows.setdefault(domain, []).append(
                    torch.full((entry.block.group.rows,), index)
                )
        return Terms(
            tuple(terms), {d: _cat(parts) for d, parts in rows.items()}, device
        )

    def _row_set(
        self, blocks: list[tuple[_Block, dict[str, int]]], device: torch.device
    ) -> RowSet:
        count = sum(block.group.rows for block, _ in blocks)
        present = torch.zeros(count, len(self.domains), dtype=torch.bool)
        index = {
            domain: torch.zeros(count, dtype=torch.long) for domain in self.domains
        }
        for block, starts in blocks:
            rows = slice(block.start, block.start + block.group.rows)
            for domain, start in starts.items():
                present[rows, self.domains.index(domain)] = True
                index[domain][rows] = _range(start, block.group.rows)
        return RowSet(
            count, present.to(device), {d: i.to(device) for d, i in index.items()}
        )

    def _pairs(self, group: Group, names: Domains) -> list[Pair]:
        starts = {domain: self.offsets[domain][group] for domain in names}
        return [
            Pair(first, second, starts[first], starts[second], group.rows)
            for position, first in enumerate(names)
            for second in names[position + 1 :]
        ]


def _range(start: int, count: int) -> Tensor:
    return torch.arange(start, start + count)


def _cat(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.long)


def _move(column: Column, device: torch.device) -> Column:
    return Column(
        column.rows.to(device), column.targets.to(device), column.runs, column.reencoded
    )
