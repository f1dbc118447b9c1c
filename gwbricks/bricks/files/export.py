"""A part of a graph as one file that runs without gwbricks: ONNX or torch.export."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from gwbricks.bricks.collection.collection import BrickCollection
from gwbricks.bricks.collection.evaluating import evaluating
from gwbricks.bricks.files.checked_export import CheckedExport, Exported, Tensors
from gwbricks.bricks.files.program import BATCH
from gwbricks.bricks.stage import Stage
from gwbricks.errors import ConfigError, ExportError

TOLERANCE = 1e-5


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

    Inputs and outputs keep the names of the graph. Before the file takes its place,
    onnxruntime runs it on several numbers of rows and PyTorch does the same.

    Args:
        brick_collection: The graph.
        named_inputs: Examples by name. Names that bricks write are fine: those bricks
            are left out. What is no tensor, such as a layout, is built in.
        path_onnx: Where to write.
        dynamic_batch_size: Whether the first dimension of the inputs is a number of
            rows, the same for all, which may be any.
        stage: The stage.
        outputs: Names that are wanted; None for all tensors that the stage computes.
        tolerance: Largest difference to PyTorch, relative to values above 1.

    Raises:
        WiringError: If the names do not fit the graph.
        ConfigError: If the extra is not installed, or the file cannot be written.
        ExportError: If bricks cannot be exported, or do not match PyTorch.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        _require(package)
    with evaluating(brick_collection):
        example = CheckedExport(
            brick_collection, named_inputs, dynamic_batch_size, stage, outputs
        )
        return example.export(Path(path_onnx), _write_onnx, _run_onnx, tolerance)


def export_bricks_as_program(
    brick_collection: BrickCollection,
    named_inputs: Mapping[str, Any],
    path: Path | str,
    dynamic_batch_size: bool = True,
    stage: Stage = Stage.EXPORT,
    outputs: Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> Exported:
    """Writes the same as a program for `torch.export.load`.

    The program takes and returns dictionaries: `program.module()({"v": x})["t/raw"]`.

    Args:
        brick_collection: See `export_bricks_as_onnx`.
        named_inputs: See `export_bricks_as_onnx`.
        path: Where to write; it ends in `.pt2`.
        dynamic_batch_size: See `export_bricks_as_onnx`.
        stage: See `export_bricks_as_onnx`.
        outputs: See `export_bricks_as_onnx`.
        tolerance: See `export_bricks_as_onnx`.

    Raises:
        WiringError: If the names do not fit the graph.
        ConfigError: If the file cannot be written.
        ExportError: If bricks cannot be exported, or do not match PyTorch.
    """
    with evaluating(brick_collection):
        example = CheckedExport(
            brick_collection, named_inputs, dynamic_batch_size, stage, outputs
        )
        return example.export(Path(path), _write_program, _run_program, tolerance)


def _write_onnx(
    program: ExportedProgram, path: Path, inputs: list[str], outputs: list[str]
) -> None:
    try:
        made = torch.onnx.export(
            program, input_names=inputs, output_names=outputs, verbose=False
        )
        assert made is not None
        _name_batch(made.model.graph)
        made.save(path, external_data=False)
    except Exception as error:
        message = " ".join(str(error).split())
        raise ExportError(
            f"export: ONNX cannot express the bricks: {message[:300]}"
            " Fix: export_bricks_as_program, or a .pt2 file."
        ) from error


def _name_batch(graph: Any) -> None:  # noqa: ANN401 - of onnx_ir, which is optional
    """Names the dimension of the rows, which torch calls something like `s77`."""
    symbols = {str(value.shape[0]) for value in graph.inputs if value.shape}
    for value in (*graph.inputs, *graph.outputs):
        for axis, size in enumerate(value.shape or ()):
            if str(size) in symbols and not isinstance(size, int):
                value.shape[axis] = BATCH


def _run_onnx(path: Path, inputs: Tensors) -> Tensors:
    runtime = _require("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {name: x.cpu().numpy() for name, x in inputs.items()})
    return {name: torch.as_tensor(x) for name, x in zip(names, found, strict=True)}


def _write_program(
    program: ExportedProgram, path: Path, inputs: list[str], outputs: list[str]
) -> None:
    del inputs, outputs  # the dictionaries of the program have these names
    torch.export.save(program, path)


def _run_program(path: Path, inputs: Tensors) -> Tensors:
    return torch.export.load(path).module()(inputs)


def _require(package: str) -> Any:  # noqa: ANN401 - a module without types
    try:
        return import_module(package)
    except ImportError as error:
        raise ConfigError(
            f"export: {package} is not installed. Fix: pip install 'gwbricks[export]'."
        ) from error
