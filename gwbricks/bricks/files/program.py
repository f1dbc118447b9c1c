"""A part of a graph, from some of its names to others, traced to a program."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import nn, Tensor
from torch.export import Dim, ExportedProgram
from torch.export.graph_signature import InputKind

from gwbricks.bricks.collection.between import steps_between
from gwbricks.bricks.collection.collection import BrickCollection
from gwbricks.bricks.graph.step import failure_notes, Step
from gwbricks.bricks.names import STAGE
from gwbricks.bricks.stage import Stage
from gwbricks.errors import ExportError, WiringError

BATCH = "batch"
"""Name of the dimension of which there may be any number."""


class SubGraph(nn.Module):
    """The bricks between some names and others, as a module of named tensors.

    An input may be a value that a brick writes; that brick is then left out.

    Args:
        collection: The graph.
        inputs: Names that will be given.
        constants: Other values, such as a batch's layout, that are built in.
        outputs: Names that are wanted; None for all tensors.
        stage: The stage.

    Raises:
        UnknownNameError: If an input or an output does not exist.
        WiringError: If an input is not needed, or one that is needed is missing.
    """

    def __init__(
        self,
        collection: BrickCollection,
        inputs: Collection[str],
        constants: Mapping[str, Any],
        outputs: Sequence[str] | None,
        stage: Stage,
    ) -> None:
        super().__init__()
        self.bricks = collection
        self.constants = dict(constants)
        self.stage = stage
        self.outputs = outputs
        if not inputs:
            raise WiringError("inputs: there is none. Fix: name what will be given.")
        if outputs is not None and not outputs:
            raise WiringError("outputs: there is none. Fix: name what you want.")
        self.steps = steps_between(collection, {*inputs, *constants}, outputs, stage)
        _check_read(inputs, self.steps)

    def forward(self, named_inputs: dict[str, Tensor]) -> dict[str, Any]:
        """Returns the outputs by name."""
        values = {STAGE: self.stage, **self.constants, **named_inputs}
        for step in self.steps:
            values |= step.run(values, self.stage)
        if self.outputs is None:  # which values are tensors is known once it has run
            written = [name for step in self.steps for name in step.brick.output_names]
            self.outputs = [n for n in written if isinstance(values[n], Tensor)]
        return _apart({n: values[n] for n in self.outputs}, named_inputs)


def trace(
    part: SubGraph, tensors: dict[str, Tensor], is_dynamic: bool
) -> ExportedProgram:
    """Traces a part, and keeps only the weights that it needs.

    Args:
        part: The part; it must have been run on `tensors` before.
        tensors: The inputs, at least two rows of each.
        is_dynamic: Whether the program is to take any number of rows.

    Raises:
        ExportError: If a brick cannot be traced.
    """
    rows = {0: Dim(BATCH, min=1)} if is_dynamic else {}
    shapes = ({name: rows if x.ndim else {} for name, x in tensors.items()},)
    try:
        program = torch.export.export(
            part, (tensors,), dynamic_shapes=shapes, strict=False
        )
    except Exception as error:
        message = " ".join(str(error).split())
        note = "".join(f" ({note})" for note in failure_notes(error)[:1])
        raise ExportError(
            f"export: torch.export cannot trace the bricks{note}: {message[:300]}"
            " Fix: no Python that depends on values or the number of rows, or"
            " dynamic_batch_size=False."
        ) from error
    _remove_unused_weights(program)
    return program


def _apart(outputs: dict[str, Any], inputs: Mapping[str, Tensor]) -> dict[str, Any]:
    """Copies what is an input or another output too: a file wants one name for each."""
    seen = {id(value) for value in inputs.values()}
    apart = {}
    for name, value in outputs.items():
        is_copy = id(value) in seen and isinstance(value, Tensor)
        apart[name] = value.clone() if is_copy else value
        seen.add(id(value))
    return apart


def _check_read(inputs: Collection[str], steps: Sequence[Step]) -> None:
    read = {name for step in steps for name in step.reads}
    for name in sorted(set(inputs) - read):
        raise WiringError(
            f"inputs: {name!r} is not needed for the outputs. Fix: leave it out."
        )


def _remove_unused_weights(program: ExportedProgram) -> None:
    """Leaves out weights of bricks outside of the part: torch.export keeps them all."""
    specs = program.graph_signature.input_specs
    for node in list(program.graph.nodes):
        spec = next((s for s in specs if s.arg.name == node.name), None)
        if spec is None or node.users or spec.kind is InputKind.USER_INPUT:
            continue
        program.graph.erase_node(node)
        specs.remove(spec)
        if spec.target is not None:
            program.state_dict.pop(spec.target, None)
            program.constants.pop(spec.target, None)
    program.graph_module.recompile()
