"""Writes what a run makes of a whole data set to one file."""

from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table
from safetensors.torch import save_file
from torch import Tensor

from gwbricks.data import TableDataModule
from gwbricks.data.array_files import present_rows, read_arrays, SPLITS
from gwbricks.errors import ConfigError, suggest
from gwbricks.experiment.threads import set_threads
from gwbricks.inference.loaded import load, LoadedRun
from gwbricks.inference.outputs import standard_outputs
from gwbricks.print_line import print_line
from gwbricks.quiet_libraries import quiet_libraries
from gwbricks.whole_file import whole_file

Columns = dict[str, Tensor]


def predict(
    target: Path,
    data: str,
    path: Path,
    outputs: Sequence[str] | None = None,
    batch_size: int = 1024,
    device: str = "cpu",
    overwrite: bool = False,
    trusted: Collection[str] = (),
) -> dict[str, Tensor]:
    """Computes outputs of all rows of a data set, and writes them to one file.

    Every output has a row for each item, in the order of the data; it is NaN where the
    item lacks what the output is made of.

    Args:
        target: A run folder, or a lone checkpoint.
        data: A split of the run's own data (`train`, `val` or `test`), or a file with
            an array a domain, as `TensorsData` reads it.
        path: Where to write; its suffix, .npz or .safetensors, says what.
        outputs: Names that are wanted; see `LoadedRun.run`. None for those of
            `standard_outputs`.
        batch_size: Most rows that are computed at once.
        device: Where to compute.
        overwrite: Whether a file that is there may be replaced.
        trusted: See `resolve_target`.

    Raises:
        ConfigError: If the data do not fit, or the file cannot be written.
        CheckpointError: If there is no checkpoint, or it does not fit.
    """
    if path.suffix not in WRITERS:
        raise ConfigError(
            f"-o: {str(path)!r} is of no known format. Expected a file that ends in"
            f" {' or '.join(WRITERS)}. Fix: {path.with_suffix('.npz')}."
        )
    if path.exists() and not overwrite:
        raise ConfigError(
            f"-o: {str(path)!r} is there. Fix: another file, or --overwrite."
        )
    with quiet_libraries(), whole_file(path) as made:
        loaded = load(target, device, batch_size, list(trusted))
        set_threads(loaded.config)
        columns, present = read_rows(loaded, data)
        if outputs is None:
            outputs = _outputs(loaded, [n for n in columns if _has_rows(n, present)])
        progress = partial(
            track,
            description="predicting",
            console=Console(stderr=True),
            transient=True,
        )
        found = loaded.run(columns, outputs, present, progress)
        WRITERS[path.suffix](found, made)
    _show(found, path, Console())
    return found


def _has_rows(name: str, present: Columns) -> bool:
    return name not in present or bool(np.any(np.asarray(present[name])))


def _outputs(loaded: LoadedRun, given: Sequence[str]) -> list[str]:
    if not loaded.domains:
        raise ConfigError(
            "--outputs: the run has no workspace. Fix: name what is wanted, as in"
            " --outputs logits."
        )
    return standard_outputs(loaded.domains, given)


def read_rows(loaded: LoadedRun, data: str) -> tuple[Columns, Columns]:
    """Returns the data that a run's graph reads, and which rows there are of each.

    Args:
        loaded: The run.
        data: See `predict`.

    Raises:
        ConfigError: If there is no such split or file, or none of its data is read.
    """
    if data in SPLITS:
        return _read_split(loaded, data)
    if not Path(data).suffix:
        raise ConfigError(
            f"--data: {data!r} is no split.{suggest(data, SPLITS)} Fix: one of these,"
            " or a file such as rows.npz."
        )
    arrays = read_arrays(Path(data), "--data")
    columns = {
        name: rows for name, rows in arrays.items() if name in loaded.view.inputs
    }
    if not columns:
        found = f", such as {min(arrays)!r}" if arrays else ""
        raise ConfigError(
            f"--data: the run reads none of the {len(arrays)} arrays of {data!r}"
            f"{found}.{suggest(min(arrays, default=''), loaded.view.inputs)}"
        )
    missing = [name for name in loaded.view.inputs if name not in arrays]
    for name in sorted(arrays.keys() - columns.keys()):
        if get_close_matches(name, missing, n=1):
            raise ConfigError(
                f"--data: the run reads no {name!r}.{suggest(name, missing)}"
                f" Fix: the right name in {data!r}, or leave it out."
            )
    return columns, {n: present_rows(n, rows, "--data") for n, rows in columns.items()}


def _read_split(loaded: LoadedRun, split: str) -> tuple[Columns, Columns]:
    module = loaded.data
    if not isinstance(module, TableDataModule):
        raise ConfigError(
            f"--data: {split!r} can only be a split of data of gwbricks' own kind"
            " (TableDataModule). Fix: a file, such as rows.npz."
        )
    rows = module.splits[split].columns
    columns = {name: rows[name] for name in loaded.view.inputs if name in rows}
    known = module.present(split)
    whole = {name: torch.ones(len(c), dtype=torch.bool) for name, c in columns.items()}
    return columns, {name: known.get(name, flags) for name, flags in whole.items()}


def _show(found: Mapping[str, Tensor], path: Path, console: Console) -> None:
    table = Table(box=SIMPLE_HEAD)
    for column in ("output", "shape"):
        table.add_column(column, no_wrap=True)
    for name, value in found.items():
        table.add_row(name, " x ".join(map(str, value.shape)))
    console.print(table)
    print_line(console, f"{path}: written.")


def _write_npz(values: Mapping[str, Tensor], made: Path) -> None:
    arrays = {name: value.numpy(force=True) for name, value in values.items()}
    np.savez(made, allow_pickle=False, **arrays)


def _write_safetensors(values: Mapping[str, Tensor], made: Path) -> None:
    save_file({n: value.cpu().contiguous() for n, value in values.items()}, made)


WRITERS: dict[str, Callable[[Mapping[str, Tensor], Path], None]] = {
    ".npz": _write_npz,
    ".safetensors": _write_safetensors,
}
"""What writes a file, by its suffix."""
