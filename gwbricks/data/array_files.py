"""Files of arrays: read by name, checked, memory-mapped where they can be."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gwbricks.data.split import Split
from gwbricks.errors import ConfigError, suggest

Files = str | Mapping[str, str]
"""One `.npz` or `.pt` file with an array a column, or a file a column."""


SPLITS = ("train", "val", "test")


FILES = "data.files"


BLOCK = 2**22
"""Numbers that are looked at together, so that a file need not fit in memory."""


def read_files(
    files: Files,
    domains: Sequence[str],
    labels: Sequence[str],
    optional: Sequence[str] = (),
    key: str = FILES,
) -> dict[str, Tensor]:
    """Reads columns with aligned rows.

    Args:
        files: Where they are.
        domains: Columns that are domains.
        labels: Columns that are not.
        optional: Columns that may be missing.
        key: Config key of the files.

    Raises:
        ConfigError: See `TensorsData`.
    """
    arrays: dict[str, Tensor] = {}
    if isinstance(files, str):
        arrays = read_arrays(Path(files), key)
    else:
        for name, file in files.items():
            found = read_arrays(Path(str(file)), key)
            if name not in found and len(found) != 1:
                raise ConfigError(
                    f"{key}.{name}: no array {name!r} in {str(file)!r}."
                    f"{suggest(name, found)}"
                )
            arrays[name] = found.get(name, next(iter(found.values())))
    wanted = (*domains, *labels, *(name for name in optional if name in arrays))
    for name in wanted:
        if name not in arrays:
            raise ConfigError(f"{key}: no array for {name!r}.{suggest(name, arrays)}")
    rows = {name: len(arrays[name]) for name in wanted}
    if len(set(rows.values())) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(rows.items()))
        raise ConfigError(f"{key}: arrays differ in their rows ({listed}).")
    for name in domains:
        present_rows(name, arrays[name], key)  # raise early, with the rows of the file
    return {name: arrays[name] for name in wanted}


def as_split(columns: dict[str, Tensor], domains: Sequence[str]) -> Split:
    """Returns a split; a row of NaN says that the item lacks the domain."""
    return Split(columns, {name: present_rows(name, columns[name]) for name in domains})


def present_rows(name: str, array: Tensor, key: str = FILES) -> Tensor:
    """Returns which rows there are, of shape `(rows,)`: those that are not all NaN.

    Args:
        name: Name of the domain.
        array: Its rows; whole numbers, and single numbers, are always there.
        key: What it was given in.

    Raises:
        ConfigError: If a row holds NaN or infinity among numbers.
    """
    if not array.is_floating_point() or array.ndim < 2 or not array.numel():
        return torch.ones(len(array), dtype=torch.bool, device=array.device)
    blocks = array.flatten(1).split(max(1, BLOCK // array[0].numel()))
    present = torch.cat([~rows.isnan().all(dim=1) for rows in blocks])
    bad = present & ~torch.cat([rows.isfinite().all(dim=1) for rows in blocks])
    if bad.any():
        first = bad.nonzero()[0].item()
        raise ConfigError(
            f"{key}: {int(bad.sum())} rows of {name!r} hold NaN or infinity among"
            f" numbers, the first is row {first}. Expected numbers, or NaN in the whole"
            " row where the item lacks the domain."
        )
    return present


def read_arrays(path: Path, key: str = FILES) -> dict[str, Tensor]:
    """Reads the arrays of one file, by name; a lone array has the file's stem as name.

    Doubles become floats. A `.npy` file is memory-mapped: what is read of it, unless
    its numbers are doubles, is what is used. Nothing is unpickled.

    Args:
        path: The file.
        key: What it was given as.

    Raises:
        ConfigError: If the file is missing, of another kind, cannot be read, or holds
            something else than arrays of rows.
    """
    file = repr(str(path))
    if not path.is_file():
        raise ConfigError(f"{key}: no file {file} (from {str(Path.cwd())!r}).")
    if path.suffix not in READERS:
        raise ConfigError(
            f"{key}: {file} is a {path.suffix or 'nameless'} file."
            f" Expected {', '.join(READERS)}."
        )
    try:
        arrays = READERS[path.suffix](path)
    except UnpicklingError as error:
        raise ConfigError(
            f"{key}: cannot read {file}: it holds pickled objects."
            " Fix: save a tensor, or a dictionary of tensors."
        ) from error
    except Exception as error:
        message = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{key}: cannot read {file}: {message}") from error
    for name, array in arrays.items():
        if not isinstance(array, Tensor) or not array.ndim:
            raise ConfigError(
                f"{key}: {name!r} in {file} is no array of rows. Fix: save tensors"
                " of shape (rows, ...)."
            )
    return {n: a.float() if a.dtype == torch.float64 else a for n, a in arrays.items()}


def _read_numpy(path: Path) -> dict[str, Tensor]:
    loaded = np.load(
        path, "c", allow_pickle=False
    )  # .npy: mapped, and writable for torch
    found = dict(loaded) if path.suffix == ".npz" else {path.stem: loaded}
    return {name: torch.from_numpy(array) for name, array in found.items()}


def _read_torch(path: Path) -> dict[str, Any]:
    loaded = torch.load(path, weights_only=True, map_location="cpu")
    return dict(loaded) if isinstance(loaded, Mapping) else {path.stem: loaded}


READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".npz": _read_numpy,
    ".npy": _read_numpy,
    ".pt": _read_torch,
    ".pth": _read_torch,
}
"""How each kind of file is read."""
