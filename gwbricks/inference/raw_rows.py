"""Checks raw data before a graph reads them, and puts its outputs into their order."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gwbricks.domains import IdentityDomain
from gwbricks.errors import ConfigError, UnknownNameError

Rows = Tensor | np.ndarray
"""Rows of raw data, of shape `(rows, ...)`; one item is a single row, `x[None]`."""

Shape = tuple[int, ...]


def shape_of_rows(node: Mapping[str, Any], module: object) -> Shape | None:
    """Returns the shape of a domain's rows, if its config or module gives one.

    Args:
        node: The domain's config.
        module: The domain's module.
    """
    size = node.get("data_dim")
    if isinstance(module, IdentityDomain):
        size = module.latent_dim
    return (size,) if isinstance(size, int) else None


def read_columns(
    x: object,
    known: Sequence[str],
    item_shape: Callable[[str], Shape | None],
    dtype: torch.dtype,
) -> dict[str, Tensor]:
    """Returns rows as tensors, in the precision of a graph if they are no integers.

    Args:
        x: Rows by name, which is checked.
        known: Names that may be given.
        item_shape: Returns the shape of one row; None if it is not known.
        dtype: The precision.

    Raises:
        UnknownNameError: If a name is not known.
        ConfigError: If rows are of another kind or shape, differ in number, or there
            are none.
    """
    if not isinstance(x, Mapping) or not x:
        given = "nothing" if isinstance(x, Mapping) else f"a {type(x).__name__}"
        raise ConfigError(
            f"x: {given} is given. Expected rows by name, as in"
            f" {{{next(iter(known), 'v')!r}: rows}}."
        )
    for name in x:
        if name not in known:
            raise UnknownNameError("x", name, known)
    columns = {name: _read(name, rows, item_shape(name)) for name, rows in x.items()}
    counts = {name: len(column) for name, column in columns.items()}
    if len({*counts.values()}) > 1 or 0 in counts.values():
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
        raise ConfigError(
            f"x: the rows differ, or there are none ({listed}). Expected the same items"
            " in each. Fix: a row of NaN where an item lacks a domain."
        )
    return {n: c.to(dtype) if c.is_floating_point() else c for n, c in columns.items()}


def _read(name: str, rows: object, item: Shape | None) -> Tensor:
    sizes = ["..."] if item is None else [str(size) for size in item]
    expected = f"({', '.join(['rows', *sizes])})".replace("(rows)", "(rows,)")
    if isinstance(rows, Tensor):
        column = rows
    elif isinstance(rows, np.ndarray) and rows.dtype.kind in "biuf":
        # torch takes no array with negative strides, as of rows in reverse
        column = torch.tensor(np.ascontiguousarray(rows))
    else:
        of = f" of {rows.dtype}" if isinstance(rows, np.ndarray) else ""
        raise ConfigError(
            f"x: {name!r} is a {type(rows).__name__}{of}. Expected a tensor, or an"
            f" array of numbers, of shape {expected}."
        )
    shape = tuple(column.shape)
    if not shape or (item is not None and shape[1:] != item):
        fix = " Fix: x[None] for one item." if shape == item else ""
        raise ConfigError(f"x: {name!r} has shape {shape}. Expected {expected}.{fix}")
    return column


def assemble(
    name: str, parts: Sequence[tuple[Tensor, object]], num_rows: int
) -> Tensor:
    """Returns an output of all rows; rows without one are NaN.

    Args:
        name: Name of the output.
        parts: Numbers of rows that were computed together, and their values.
        num_rows: Number of rows.

    Raises:
        ConfigError: If there is no part, or one has not a row for each row.
    """
    if not parts:
        raise ConfigError(
            f"outputs: {name!r} needs data that no row has. Fix: give that too, or ask"
            " for what is made of the given data."
        )
    values = []
    for items, value in parts:
        if not isinstance(value, Tensor) or value.shape[:1] != items.shape:
            shape = tuple(value.shape) if isinstance(value, Tensor) else ""
            raise ConfigError(
                f"outputs: {name!r} is a {type(value).__name__} {shape}".rstrip()
                + f" for {len(items)} rows. Expected a tensor with a row for each."
            )
        values.append(value)
    first, is_whole = values[0], sum(map(len, values)) == num_rows
    # integers have no NaN for the rows that lack the output
    dtype = first.dtype if is_whole else torch.promote_types(first.dtype, torch.float32)
    whole = first.new_full(
        (num_rows, *first.shape[1:]), 0 if is_whole else torch.nan, dtype=dtype
    )
    for (items, _), value in zip(parts, values, strict=True):
        whole[items] = value.to(dtype)
    return whole


def like(value: Tensor, given: Mapping[str, Rows]) -> Rows:
    """Returns a numpy array if nothing but numpy arrays was given, else the tensor."""
    if any(isinstance(rows, Tensor) for rows in given.values()):
        return value
    return value.numpy(force=True)
