"""Examples of a part of a graph: what it is traced with and checked against."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from gwbricks.bricks.collection.collection import BrickCollection
from gwbricks.bricks.files.program import BATCH, SubGraph, trace
from gwbricks.bricks.stage import Stage
from gwbricks.errors import ExportError, WiringError
from gwbricks.whole_file import whole_file

Tensors = dict[str, Tensor]
Shape = tuple[int | str, ...]


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        path: The file.
        inputs: Shape of each input; `batch` stands for any number of rows.
        outputs: Shape of each output.
        difference: Largest difference to PyTorch, on more than one number of rows.
    """

    path: Path
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    difference: float


class CheckedExport:
    """A part of a graph, with inputs of several numbers of rows and their outputs.

    Args:
        collection: The graph, in eval mode.
        named_inputs: Examples by name; what is no tensor is built in.
        is_dynamic: Whether the number of rows may be any.
        stage: The stage.
        outputs: Names that are wanted; None for all tensors.

    Raises:
        WiringError: If the names do not fit the graph, or a value is no tensor.
        ExportError: If an output is random.
    """

    def __init__(
        self,
        collection: BrickCollection,
        named_inputs: Mapping[str, Any],
        is_dynamic: bool,
        stage: Stage,
        outputs: Sequence[str] | None,
    ) -> None:
        tensors = {n: v for n, v in named_inputs.items() if isinstance(v, Tensor)}
        constants = {n: v for n, v in named_inputs.items() if n not in tensors}
        self.is_dynamic = is_dynamic
        self.part = SubGraph(collection, list(tensors), constants, outputs, stage)
        self.inputs = _numbers_of_rows(tensors) if is_dynamic else [tensors]
        self.outputs = [self._run(inputs) for inputs in self.inputs]

    def _run(self, inputs: Tensors) -> Tensors:
        outputs, again = self.part(inputs), self.part(inputs)
        for name, value in outputs.items():
            if not isinstance(value, Tensor):
                raise WiringError(
                    f"outputs: {name!r} is a {type(value).__name__}. Expected a tensor."
                )
            # NaN is unlike itself, but not random
            if not torch.equal(value.nan_to_num(), again[name].nan_to_num()):
                raise ExportError(
                    f"outputs: {name!r} is random: two runs of PyTorch differ, so it"
                    " cannot be checked. Fix: a module that draws only in training."
                )
        return outputs

    def export(
        self,
        path: Path,
        write: Callable[[ExportedProgram, Path, list[str], list[str]], None],
        run: Callable[[Path, Tensors], Tensors],
        tolerance: float,
    ) -> Exported:
        """Traces, writes and checks the part.

        Args:
            path: Where the file is to be.
            write: Writes a program with the names of its inputs and outputs.
            run: Runs a file.
            tolerance: Largest difference to PyTorch, relative to values above 1.

        Raises:
            ConfigError: If the file cannot be written.
            ExportError: If bricks cannot be exported, or do not match PyTorch.
        """
        first, names = self.inputs[0], list(self.outputs[0])
        with whole_file(path) as made:
            program = trace(self.part, first, self.is_dynamic)
            write(program, made, list(first), names)
            differences = [
                _difference(name, expected, found[name], tolerance)
                for inputs, outputs in zip(self.inputs, self.outputs, strict=True)
                for found in [run(made, inputs)]
                for name, expected in outputs.items()
            ]
        shapes = [
            {name: _shape([x[name] for x in values]) for name in values[0]}
            for values in (self.inputs, self.outputs)
        ]
        return Exported(path, shapes[0], shapes[1], max(differences))


def _numbers_of_rows(tensors: Tensors) -> list[Tensors]:
    """Returns the inputs with their own number of rows, with one more, and with one.

    The first has at least two, because torch.export builds a single row in.
    """
    rows = {name: len(x) for name, x in tensors.items() if x.ndim}
    listed = ", ".join(f"{name}: {count}" for name, count in sorted(rows.items()))
    if len(set(rows.values())) != 1 or 0 in rows.values():
        raise WiringError(
            f"inputs: expected tensors with one number of rows ({listed or 'none'})."
            " Fix: the same items in each, or dynamic_batch_size=False."
        )
    own = next(iter(rows.values()))
    return [  # rows are repeated where there are too few
        {
            name: x[torch.arange(count, device=x.device) % own] if x.ndim else x
            for name, x in tensors.items()
        }
        for count in (max(own, 2), max(own, 2) + 1, 1)
    ]


def _difference(name: str, expected: Tensor, found: Tensor, tolerance: float) -> float:
    if expected.shape != found.shape:
        raise ExportError(
            f"outputs: {name!r} has shape {tuple(found.shape)} once exported, and"
            f" {tuple(expected.shape)} in PyTorch. Fix: no Python that depends on the"
            " number of rows, or dynamic_batch_size=False."
        )
    known, other = expected.cpu().double(), found.cpu().double()
    # an infinity less itself would be NaN
    distance = torch.where(known == other, 0.0, (known - other).abs())
    largest = distance.max().item() if len(distance.flatten()) else 0.0
    scale = known.abs().max().item() if len(known.flatten()) else 0.0
    if not largest <= tolerance * max(1.0, scale):  # of NaN too
        raise ExportError(
            f"outputs: {name!r} differs from PyTorch by {largest:.3g} once exported"
            f" (its values reach {scale:.3g}, the tolerance is {tolerance:.3g})."
            " Nothing was written."
        )
    return largest


def _shape(values: Sequence[Tensor]) -> Shape:
    sizes = zip(*(value.shape for value in values), strict=True)
    return tuple(BATCH if len(set(size)) > 1 else size[0] for size in sizes)
