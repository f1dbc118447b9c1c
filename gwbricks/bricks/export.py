"""A part of a graph as one file that runs without gwbricks: ONNX or torch.export."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from gwbricks.bricks.collection import BrickCollection
from gwbricks.bricks.stage import Stage
from gwbricks.bricks.traced import BATCH, evaluating, Part, trace
from gwbricks.bricks.whole_file import whole_file
from gwbricks.errors import ConfigError, ExportError, WiringError

Tensors = dict[str, Tensor]
Shape = tuple[int | str, ...]
TOLERANCE = 1e-5
"""Largest difference to PyTorch, for values up to 1; larger values may differ more."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        path: The file.
        inputs: Shape of each input; `batch` stands for any number of rows.
        outputs: Shape of each output.
        difference: Largest difference to PyTorch, on other numbers of rows than traced.
    """

    path: Path
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    difference: float


def export_bricks_as_onnx(
    brick_collection: BrickCollection,
    named_inputs: Mapping[str, Any],
    path_onnx: Path | str,
    dynamic_batch_size: bool = True,
    stage: Stage = Stage.EXPORT,
    outputs: Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> Exported:
    """Writes the bricks between some names and others as one ONNX file.

    Inputs and outputs keep the names of the graph. The file is run in onnxruntime, on
    other numbers of rows than it was traced with, before it takes its place.

    Args:
        brick_collection: The graph.
        named_inputs: Examples by name. Names that bricks write are fine: those bricks
            are left out. What is no tensor, such as a layout, is built in.
        path_onnx: Where to write.
        dynamic_batch_size: Whether the first dimension of all inputs is one number of
            rows, which may be any.
        stage: The stage.
        outputs: Names that are wanted; None for all tensors that the stage computes.
        tolerance: Largest difference to PyTorch, relative to values above 1.

    Raises:
        WiringError: If the names do not fit the graph.
        ConfigError: If the extra is not installed, or the file cannot be written.
        ExportError: If bricks cannot be exported, or do not match PyTorch.
    """
    runtime, _ = _require("onnxruntime"), _require("onnxscript")

    def write(program: ExportedProgram, path: Path, names: tuple[list[str], ...]) -> None:
        inputs, wanted = names
        try:
            made = torch.onnx.export(
                program, input_names=inputs, output_names=wanted, verbose=False
            )
            assert made is not None
            made.save(path, external_data=False)
        except Exception as error:
            message = " ".join(str(error).split())
            raise ExportError(
                f"export: cannot be written as ONNX: {message[:300]}"
                " Fix: export_bricks_as_program, which has no such limits."
            ) from error

    def read(path: Path) -> Callable[[Tensors], Tensors]:
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]

        def run(tensors: Tensors) -> Tensors:
            found = session.run(names, {n: x.cpu().numpy() for n, x in tensors.items()})
            return {n: torch.from_numpy(x) for n, x in zip(names, found, strict=True)}

        return run
