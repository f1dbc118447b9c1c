"""Loaders that index in-memory columns a whole batch at a time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gwbricks.data.pairing import by_presence, Domains
from gwbricks.data.prefetch import prefetch
from gwbricks.data.table import Group, Layout, Table
from gwbricks.errors import ConfigError
from gwbricks.seeding import derive_seed

INDEXED = 64
"""Steps whose items are looked up together."""


@dataclass
class TrainLoader:
    """Shuffled batches with rows of every group.

    An epoch is as long as its longest group; shorter ones start over, in a new order.
    A group gives `batch_size` rows, or all it has if those are fewer, so that no batch
    holds an item twice in one group. What is left over at the end of a pass is dropped.
    Processes that train together share each step's rows out.

    Args:
        columns: Domains and labels, each of shape `(items, ...)`.
        groups: Items of each group of domains.
        batch_size: Rows of each group.
        seed: Seed of the order; it changes with the epoch.
        labels: Columns that every group has.
        share: Number of this process, and of all that train together.
        pinned: Whether batches are made ahead of their use, in pinned memory.

    Raises:
        ConfigError: If a group has fewer rows than there are processes.
    """

    columns: Mapping[str, Tensor]
    groups: Mapping[Domains, Tensor]
    batch_size: int
    seed: int
    labels: tuple[str, ...] = ()
    share: tuple[int, int] = (0, 1)
    pinned: bool = False
    epoch: int = field(default=0, init=False)
    _done: int = field(default=0, init=False)
    _resumed: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        names = {tuple(sorted((*group, *self.labels))): group for group in self.groups}
        self._items = {
            columns: self.groups[names[columns]] for columns in sorted(names)
        }
        self._rows = {c: self._count(c) for c in self._items}
        self.layout = Layout(tuple(Group(c, rows) for c, rows in self._rows.items()))

    def _count(self, columns: Domains) -> int:
        items, processes = len(self._items[columns]), self.share[1]
        if items < processes:
            raise ConfigError(
                f"data: the group {'+'.join(columns)} has {items} rows, fewer than the"
                f" {processes} processes. Fix: trainer.devices={items}."
            )
        return min(self.batch_size, items // processes)

    @property
    def sampler(self) -> "TrainLoader":
        """The loader itself: Lightning looks here for `set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, on which the order depends."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, int]:
        """Returns where in which epoch the loader is."""
        return {"epoch": self.epoch, "steps": self._done}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Has the epoch of a checkpoint go on where it was."""
        self._resumed = dict(state_dict)

    def __len__(self) -> int:
        steps = [len(items) // self._step(c) for c, items in self._items.items()]
        return max(steps, default=0)

    def _step(self, columns: Domains) -> int:
        """Returns the rows of a group in a step, those of all processes."""
        return self._rows[columns] * self.share[1]

    def __iter__(self) -> Iterator[Table]:
        is_resumed = self._resumed.get("epoch") == self.epoch
        first = self._resumed["steps"] if is_resumed else 0
        self._resumed = {}
        for step, batch in enumerate(_made(self._batches(first), self.pinned), first):
            self._done = step + 1
            yield batch

    def _batches(self, first: int) -> Iterator[Table]:
        orders = {columns: self._order(columns) for columns in self._items}
        for start in range(first, len(self), INDEXED):
            items = self._items_of(orders, slice(start, start + INDEXED))
            for step in zip(*items.values(), strict=True):
                index = dict(zip(items, step, strict=True))
                yield _take(self.columns, index, self.layout)

    def _items_of(
        self, orders: Mapping[Domains, Tensor], steps: slice
    ) -> dict[str, tuple[Tensor, ...]]:
        """Returns the items of each column, step by step."""
        return {
            name: torch.cat([orders[g.columns][steps] for g in groups], dim=1).unbind()
            for name in self.columns
            if (groups := self.layout.groups_of(name))
        }

    def _order(self, columns: Domains) -> Tensor:
        """Returns the items of a group, one row for each step of this process."""
        items, rows = self._items[columns], self._step(columns)
        seed = derive_seed(self.seed, "order", self.epoch, *columns)
        generator = torch.Generator().manual_seed(seed)
        passes = -(-len(self) * rows // (len(items) // rows * rows))
        used = len(items) // rows * rows
        orders = [
            torch.randperm(len(items), generator=generator)[:used]
            for _ in range(passes)
        ]
        process, processes = self.share
        order = items[torch.cat(orders)[: len(self) * rows]][process::processes]
        return order.view(len(self), -1)


@dataclass
class EvalLoader:
    """All rows, in order; rows with different cells are in different batches.

    Processes that evaluate together deal the batches out, so that each batch is the
    same as that of one process; the last ones may have one batch less than the first.

    Args:
        columns: Domains and labels, each of shape `(items, ...)`.
        present: For each domain, which items have it, of shape `(items,)`.
        batch_size: Most rows of a batch.
        labels: Columns that every item has.
        share: Number of this process, and of all that evaluate together.
        repeats: How often all rows come.
        pinned: Whether batches are made ahead of their use, in pinned memory.
    """

    columns: Mapping[str, Tensor]
    present: Mapping[str, Tensor]
    batch_size: int
    labels: tuple[str, ...] = ()
    share: tuple[int, int] = (0, 1)
    repeats: int = 1
    pinned: bool = False

    def __post_init__(self) -> None:
        self._batches = [
            (tuple(sorted((*group, *self.labels))), items)
            for group, all_items in by_presence(self.present).items()
            for items in all_items.split(self.batch_size)
        ] * self.repeats

    def __len__(self) -> int:
        """Most batches of a process, so that none skips what all do together."""
        return -(-len(self._batches) // self.share[1])

    def __iter__(self) -> Iterator[Table]:
        process, processes = self.share
        batches = map(self._take, self._batches[process::processes])
        yield from _made(batches, self.pinned)

    def _take(self, batch: tuple[Domains, Tensor]) -> Table:
        columns, items = batch
        layout = Layout((Group(columns, len(items)),))
        index = {name: items for name in self.columns if layout.groups_of(name)}
        return _take(self.columns, index, layout)


def _made(batches: Iterable[Table], pinned: bool) -> Iterable[Table]:
    return prefetch(batches, Table.pin_memory) if pinned else batches


def _take(
    columns: Mapping[str, Tensor], items: Mapping[str, Tensor], layout: Layout
) -> Table:
    taken = {
        name: columns[name].index_select(0, index) for name, index in items.items()
    }
    return Table(taken, layout)
