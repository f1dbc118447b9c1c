"""A batch as a table with missing cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gwbricks.errors import ConfigError

LAYOUT = "layout"
"""Name under which bricks read a batch's layout."""


@dataclass(frozen=True)
class Group:
    """A block of rows that have the same cells.

    Args:
        columns: Names of the columns that the rows have, sorted.
        rows: Number of rows, at least 1.
    """

    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Layout:
    """Which rows of a table have which cells; static and hashable.

    Groups are sorted by their columns and are unlike each other.

    Args:
        groups: The groups, in the order of the rows.
    """

    groups: tuple[Group, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, sorted."""
        return tuple(sorted({name for group in self.groups for name in group.columns}))

    @property
    def rows(self) -> int:
        """Number of rows of the table."""
        return sum(group.rows for group in self.groups)

    def offsets(self, column: str) -> dict[Group, int]:
        """Returns the first row of each group within a compact column."""
        offsets, start = {}, 0
        for group in self.groups:
            if column in group.columns:
                offsets[group] = start
                start += group.rows
        return offsets

    def groups_of(self, column: str) -> list[Group]:
        """Returns the groups whose rows a column holds.

        A column such as `v/latent`, which is made of another, has the rows of that one.
        """
        name = column if column in self.columns else column.partition("/")[0]
        return [group for group in self.groups if name in group.columns]

    def rows_of(self, column: str) -> int:
        """Returns how many rows a column holds; see `groups_of`."""
        if column not in self._rows:
            self._rows[column] = sum(group.rows for group in self.groups_of(column))
        return self._rows[column]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Layout":
        return self


@dataclass(frozen=True, eq=False)
class Table:
    """Rows are items, columns are domains and labels, and cells may be missing.

    Args:
        columns: For each column, the rows that have it, group by group. What nothing
            reads may be left out, and latents given, such as `v/latent` for `v`.
        layout: Which rows those are.

    Raises:
        ConfigError: If a column has more or fewer rows than the layout says.
    """

    columns: Mapping[str, Tensor]
    layout: Layout

    def __post_init__(self) -> None:
        for name, values in self.columns.items():
            rows, expected = values.shape[0], self.layout.rows_of(name)
            if rows != expected:
                raise ConfigError(
                    f"batch: column {name!r} has {rows} rows. Expected {expected}."
                )

    @classmethod
    def from_groups(cls, groups: "Mapping[Any, Mapping[str, Tensor]]") -> "Table":
        """Builds a table from groups of rows, the form of Shimmer's batches.

        Groups with the same columns are joined; groups without rows are dropped.

        Args:
            groups: Any keys; each value maps columns to tensors with the same rows.

        Raises:
            ConfigError: If the columns of one group have different numbers of rows.
        """
        blocks: dict[tuple[str, ...], list[Mapping[str, Tensor]]] = {}
        for block in groups.values():
            if block and _rows(block):
                blocks.setdefault(tuple(sorted(block)), []).append(block)
        joined = {
            names: {
                name: _cat([block[name] for block in blocks[names]]) for name in names
            }
            for names in sorted(blocks)
        }
        layout = Layout(
            tuple(Group(names, _rows(block)) for names, block in joined.items())
        )
        columns = {
            name: _cat([block[name] for block in joined.values() if name in block])
            for name in layout.columns
        }
        return cls(columns, layout)

    def to(self, device: torch.device | str, **kwargs: Any) -> "Table":
        """Returns the table on another device; a GPU copies while the CPU goes on."""
        kwargs = {"non_blocking": torch.device(device).type == "cuda", **kwargs}
        columns = {
            name: rows.to(device, **kwargs) for name, rows in self.columns.items()
        }
        is_there = all(rows is self.columns[name] for name, rows in columns.items())
        return self if is_there else Table(columns, self.layout)

    def pin_memory(self) -> "Table":
        """Returns the table in pinned memory."""
        return Table(
            {n: rows.pin_memory() for n, rows in self.columns.items()}, self.layout
        )


def as_named_inputs(batch: object) -> dict[str, Any]:
    """Turns any batch into the data that a collection is given, by name.

    Args:
        batch: A table, a mapping of domains to tensors (matched rows), or Shimmer's
            mapping of sets of domains to such mappings.

    Raises:
        ConfigError: If it is something else.

    Example:
        >>> groups = {frozenset("v"): {"v": torch.zeros(2, 3)}}
        >>> as_named_inputs(groups)["layout"].groups
        (Group(columns=('v',), rows=2),)
    """
    if (
        isinstance(batch, Mapping)
        and batch
        and all(isinstance(k, frozenset) for k in batch)
    ):
        batch = Table.from_groups(batch)
    if isinstance(batch, Table):
        return {**batch.columns, LAYOUT: batch.layout}
    if isinstance(batch, Mapping) and all(isinstance(key, str) for key in batch):
        return dict(batch)
    raise ConfigError(
        f"batch: a {type(batch).__name__} has no names. Expected a Table, or a mapping"
        " of names to tensors. Fix: let the data set return dictionaries."
    )


def count_rows(inputs: Mapping[str, Any]) -> int:
    """Returns the number of rows of a batch; 1 if nothing tells.

    Args:
        inputs: What `as_named_inputs` returned.
    """
    if LAYOUT in inputs:
        return inputs[LAYOUT].rows
    tensors = (v for v in inputs.values() if isinstance(v, Tensor) and v.ndim)
    return next((len(rows) for rows in tensors), 1)


def _rows(block: Mapping[str, Tensor]) -> int:
    counts = {name: len(rows) for name, rows in block.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
        raise ConfigError(
            f"batch: columns of one group differ in their rows ({listed})."
            " Fix: give matched domains the same items."
        )
    return next(iter(counts.values()))


def _cat(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
