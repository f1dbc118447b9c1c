"""A collection whose steps are compiled, for batches that are alike."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import nn, Tensor

from gwbricks.bricks.collection.collection import BrickCollection
from gwbricks.bricks.gradients import gradients_in
from gwbricks.bricks.graph.order import find_steps
from gwbricks.bricks.graph.step import failure_notes, Step
from gwbricks.bricks.loss_output import LossOutput
from gwbricks.bricks.names import STAGE
from gwbricks.bricks.stage import Stage
from gwbricks.errors import CompileError

PROGRAMS = 8
"""Most kinds of batches that are compiled."""

OPTIONS: dict[str, Any] = {"fallback_random": True}
"""Has a program draw the same random numbers as the bricks would."""


class CompiledCollection:
    """Runs the bricks of a collection as one program for each kind of batches.

    Batches are of one kind if their tensors have the same names, shapes and types, and
    all else in them is equal. The first of a kind is run brick by brick, the second one
    is traced and compiled. Bricks that return no tensors, such as a batch's plan, are
    run at each call and must return the same object; it is built into the program.
    Metrics are updated after it.

    Args:
        collection: The collection; programs share its weights.
    """

    def __init__(self, collection: BrickCollection) -> None:
        self.collection = collection
        self._programs: dict[Hashable, _Program | dict[str, Any]] = {}

    def run(
        self,
        named_inputs: Mapping[str, Any],
        stage: Stage,
        outputs: Sequence[str],
        gradients_to: Collection[str] | None = None,
    ) -> dict[str, Any]:
        """Returns the outputs by name; see `BrickCollection.run`.

        Raises:
            CompileError: If a brick cannot be traced or changes from batch to batch,
                there are too many kinds of batches, or there is no C++ compiler.
        """
        tensors = {n: v for n, v in named_inputs.items() if isinstance(v, Tensor)}
        others = {n: v for n, v in named_inputs.items() if n not in tensors}
        key = (
            *(stage, tuple(outputs), _sorted(gradients_to)),
            *sorted((n, x.shape, x.dtype, x.device) for n, x in tensors.items()),
            *sorted(others.items()),
        )
        known = self._programs.get(key)
        if known is None:  # it may stay the only one, and compiling takes long
            return self._run_first(key, named_inputs, stage, outputs, gradients_to)
        if not isinstance(known, _Program):
            wiring = self.collection.wiring(stage, named_inputs)
            steps = find_steps(wiring, outputs, gradients_to=gradients_to)
            known = _Program(
                self.collection, steps, named_inputs, known, stage, outputs
            )
            self._programs[key] = known
        return known(named_inputs)

    def _run_first(
        self,
        key: Hashable,
        named_inputs: Mapping[str, Any],
        stage: Stage,
        outputs: Sequence[str],
        gradients_to: Collection[str] | None,
    ) -> dict[str, Any]:
        """Runs brick by brick, and keeps what is not made of tensors."""
        if len(self._programs) == PROGRAMS:
            raise CompileError(
                f"compile: there are more than {PROGRAMS} kinds of batches, unlike in"
                " their groups or numbers of rows. Fix: compile=false."
            )
        run = self.collection.run
        values = run(named_inputs, stage, outputs, gradients_to=gradients_to)
        self._programs[key] = {n: v for n, v in values.items() if _is_constant(v)}
        return {name: values[name] for name in outputs}


class _Program:
    """One kind of batches."""

    def __init__(
        self,
        collection: BrickCollection,
        steps: Sequence[Step],
        named_inputs: Mapping[str, Any],
        constants: Mapping[str, Any],
        stage: Stage,
        outputs: Sequence[str],
    ) -> None:
        self.constants = dict(constants)
        self.steps = [step for step in steps if _writes(step, self.constants)]
        values = {STAGE: stage, **named_inputs, **self.constants}
        # metrics change their own state, which a traced program cannot do
        self.metrics = [step for step in steps if step.brick.reduces]
        others = [*self.steps, *self.metrics]
        rest = [step for step in steps if step not in others]
        read = {name for step in self.metrics for name in step.reads} - values.keys()
        computed = [*outputs, *read.difference(outputs)]
        self.kinds: dict[str, type] = {}
        traced = _Traced(
            collection,
            lambda tensors: self._compute(rest, {**values, **tensors}, computed),
        )
        tensors = {n: v for n, v in named_inputs.items() if isinstance(v, Tensor)}
        try:  # strict tracing would refuse much of the Python that bricks may hold
            program = torch.export.export(traced, (tensors,), strict=False)
        except Exception as error:
            raise CompileError(
                f"compile: torch cannot trace the graph{_note(error)}: {_line(error)}"
                " Fix: no Python that depends on values, or compile=false."
            ) from error
        self.names, self.stage, self.outputs = list(tensors), stage, tuple(outputs)
        self.compiled = torch.compile(program.module(), dynamic=False, options=OPTIONS)
        self.is_compiled = False

    def __call__(self, named_inputs: Mapping[str, Any]) -> dict[str, Any]:
        values = {STAGE: self.stage, **named_inputs}
        for step in self.steps:
            found = step.run(values, self.stage)
            # the same object, not an equal one: its tensors are built into the program
            if any(value is not self.constants[name] for name, value in found.items()):
                raise CompileError(
                    f"compile: the brick {step.path!r} returns something new for each"
                    " batch, as it does if routes are drawn. Fix:"
                    " workspace.routes.sample=null, or compile=false."
                )
            values |= found
        with gradients_in(self.stage):
            flat = self._call({name: named_inputs[name] for name in self.names})
        values |= {
            name: kind(**flat[name]) if kind is LossOutput else flat.get(name)
            for name, kind in self.kinds.items()
        }
        with torch.no_grad():
            for step in self.metrics:
                step.run(values, self.stage)
        return {name: values[name] for name in self.outputs}

    def _compute(
        self, steps: Sequence[Step], values: dict[str, Any], outputs: Sequence[str]
    ) -> dict[str, Any]:
        """Returns losses as dictionaries, and leaves out what is None.

        torch.export returns trees of tensors, and does not know `LossOutput`.
        """
        for step in steps:
            values |= step.run(values, values[STAGE])
        self.kinds = {name: type(values[name]) for name in outputs}
        return {
            name: {"loss": value.loss, "metrics": dict(value.metrics)}
            if isinstance(value := values[name], LossOutput)
            else value
            for name in outputs
            if values[name] is not None
        }

    def _call(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        """Runs the program; torch compiles it at the first call, and may fail then."""
        if self.is_compiled:
            return self.compiled(tensors)
        try:
            found = self.compiled(tensors)
        except Exception as error:
            raise CompileError(
                f"compile: {_line(error)} Fix: install a C++ compiler, such as g++, or"
                " compile=false."
            ) from error
        self.is_compiled = True
        return found


class _Traced(nn.Module):
    """A function of tensors as a module that has the weights of a collection.

    What it notes of a call has to be elsewhere: tracing undoes changes of a module.
    """

    def __init__(
        self, collection: BrickCollection, compute: Callable[..., dict[str, Any]]
    ) -> None:
        super().__init__()
        self.collection = collection
        self.compute = compute

    def forward(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        """Returns what the function does."""
        return self.compute(tensors)


def _is_constant(value: object) -> bool:
    return not isinstance(value, Tensor | LossOutput | Mapping | list | tuple | None)


def _writes(step: Step, names: Collection[str]) -> bool:
    written = step.brick.output_names
    return bool(written) and all(name in names for name in written)


def _sorted(names: Collection[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(sorted(names))


def _note(error: Exception) -> str:
    return "".join(f" ({note})" for note in failure_notes(error)[:1])


def _line(error: Exception) -> str:
    return f"{' '.join(str(error).split())[:300].rstrip('.')}."
