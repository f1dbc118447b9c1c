"""Exports a route, or any part of a run's graph, to run without gwbricks."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from torch import Tensor

from gwbricks.bricks import export_bricks_as_onnx, export_bricks_as_program, Stage
from gwbricks.bricks.files.checked_export import Exported, Shape
from gwbricks.data import as_named_inputs, Group, Layout
from gwbricks.data.table import LAYOUT
from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.experiment.build import Experiment
from gwbricks.experiment.dry_run import find_loaders
from gwbricks.inference.evaluate import rebuild
from gwbricks.print_line import print_line
from gwbricks.quiet_libraries import quiet_libraries

FORMATS = {".onnx": export_bricks_as_onnx, ".pt2": export_bricks_as_program}
"""What writes a file, by its suffix."""


def export(
    target: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    path: Path,
    batch_size: int | None = None,
    trusted: Collection[str] = (),
) -> Exported:
    """Exports the part of a run's graph that computes outputs from inputs.

    A workspace fuses its state from the inputs alone, as inference does for rows that
    have only these domains.

    Args:
        target: A run folder, or a lone checkpoint.
        inputs: Names that will be given: data, or what bricks write.
        outputs: Names that are wanted.
        path: Where to write; its suffix, .onnx or .pt2, says what.
        batch_size: The only number of rows; None for any.
        trusted: See `resolve_target`.

    Raises:
        ConfigError: If the names do not fit the graph, or the file cannot be written.
        CheckpointError: If there is no checkpoint, or it does not fit.
        ExportError: If bricks cannot be exported, or do not match PyTorch.
    """
    if path.suffix not in FORMATS:
        raise ConfigError(
            f"-o: {str(path)!r} is of no known format. Expected a file that ends in"
            f" {' or '.join(FORMATS)}. Fix: {path.with_suffix('.onnx')}."
        )
    with quiet_libraries():
        experiment = rebuild(target, (), trusted)
        collection = experiment.module.brick_collection
        example = _example(experiment, inputs, batch_size)
        exported = FORMATS[path.suffix](
            collection, example, path, batch_size is None, outputs=outputs
        )
    show_exported(exported, Console())
    return exported


def show_exported(exported: Exported, console: Console) -> None:
    """Prints inputs and outputs with shapes, and the largest difference to PyTorch."""
    table = RichTable(box=SIMPLE_HEAD)
    for column in ("", "name", "shape"):
        table.add_column(column, no_wrap=True)
    for kind, shapes in (("input", exported.inputs), ("output", exported.outputs)):
        for name, shape in shapes.items():
            table.add_row(kind, name, _text(shape))
    console.print(table)
    difference = f"the largest difference to PyTorch is {exported.difference:.2g}."
    print_line(console, f"{exported.path}: {difference}")


def _text(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "scalar"


def _example(
    experiment: Experiment, inputs: Sequence[str], batch_size: int | None
) -> dict[str, Any]:
    """Returns validation rows of the inputs, and the layout of rows with only these."""
    found = _find(experiment, inputs)
    rows = min((len(x) for x in found.values() if x.ndim), default=1)
    # repeats rows where the file is to take more than one batch has
    index = torch.arange(batch_size or rows) % rows
    example: dict[str, Any] = {n: x[index] if x.ndim else x for n, x in found.items()}
    domains = experiment.domains.keys()
    given = {name.partition("/")[0] for name in inputs} & domains or domains
    if given:
        example[LAYOUT] = Layout((Group(tuple(sorted(given)), len(index)),))
    return example


@torch.no_grad()
def _find(experiment: Experiment, inputs: Sequence[str]) -> dict[str, Tensor]:
    """Returns each input from the first validation batch that has or computes it."""
    collection = experiment.module.brick_collection.eval()
    found: dict[str, Any] = {}
    known = {*collection.wiring(Stage.EXPORT, ()).writers}
    loaders = find_loaders(experiment.data, Stage.VALIDATION)
    for batch in loaders[Stage.VALIDATION.value]:
        values = as_named_inputs(batch)
        known |= values.keys() - {LAYOUT}
        wiring = collection.wiring(Stage.EXPORT, values)
        missing = [name for name in inputs if name not in found]
        computed = [
            name
            for name in missing
            if wiring.writers.get(name, "") in wiring.alive.keys() - wiring.skipped
        ]
        if computed:
            values |= collection.run(values, Stage.EXPORT, outputs=computed)
        found |= {name: values[name] for name in missing if name in values}
        if len(found) == len(inputs):
            break
    for name in inputs:
        if name not in known:
            raise UnknownNameError("inputs", name, known)
        if not isinstance(found.get(name), Tensor):
            kind = f"a {type(found[name]).__name__}" if name in found else "missing"
            raise ConfigError(
                f"inputs: {name!r} is {kind} in the validation data. Expected a tensor."
            )
    return found
