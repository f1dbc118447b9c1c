"""The graphs of several runs as one graph with stacked weights."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn, Tensor
from torch.func import functional_call

from gwbricks.bricks import BrickCollection, Stage
from gwbricks.bricks.graph.step import failure_notes
from gwbricks.errors import ConfigError
from gwbricks.training.batch_losses import compute_losses
from gwbricks.training.stack.exact import Draw, Exact

FIX = "Fix: hydra/launcher=basic sweep.retry=failed."
"""What helps a job that cannot be stacked, and has failed."""

Losses = tuple[dict[str, Tensor], dict[str, Tensor]]
"""Losses and what is logged beside them, with a first dimension for the runs."""


class StackedGraphs:
    """Evaluates graphs that differ in their weights alone, all at once.

    Frozen weights that all runs have in common are not copied.

    Args:
        graphs: At least two, of which the first says what is computed.

    Raises:
        ConfigError: If they differ in more than weights, or measure in training.
    """

    def __init__(self, graphs: Sequence[BrickCollection]) -> None:
        _check_metrics(graphs[0])
        self.graphs = tuple(graphs)
        # Weights are replaced in it, while all that is no tensor is that of the first:
        # the first step of every run is compared with the run alone (see `Meeting`).
        self._template = _Template(graphs[0])
        self._parameters = [p for graph in graphs for p in graph.parameters()]
        self._are_trained = [p.requires_grad for p in self._parameters]
        parameters = [dict(_Template(graph).named_parameters()) for graph in graphs]
        buffers = [dict(_Template(graph).named_buffers()) for graph in graphs]
        self.trained = _stackable(parameters, lambda p: p.requires_grad)
        frozen = _stackable(parameters, lambda p: not p.requires_grad)
        self._buffers = _stackable(buffers, lambda _: True)
        self._changing = _training_buffers(self._template)
        self._frozen = {name: _joined(values) for name, values in frozen.items()}
        self._dims: dict[str, int | None] = dict.fromkeys(self.trained, 0)
        for name, value in self._frozen.items():
            is_shared = value.shape == frozen[name][0].shape
            self._dims[name] = None if is_shared else 0
        self._dims |= dict.fromkeys(self._buffers, 0)

    def fits(self, graphs: Sequence[BrickCollection]) -> bool:
        """Whether these are the graphs, and the same weights are trained."""
        are_same = len(graphs) == len(self.graphs) and all(
            graph is known for graph, known in zip(graphs, self.graphs, strict=True)
        )
        trained = [p.requires_grad for p in self._parameters]
        return are_same and trained == self._are_trained

    def losses(
        self,
        inputs: Mapping[str, Any],
        names: Sequence[str],
        trained: Sequence[str],
        draw: Draw,
    ) -> tuple[Losses, dict[str, Tensor]]:
        """Returns the losses of each run, and the stacked weights that they are of.

        Args:
            inputs: Data by name; tensors have a first dimension for the runs.
            names: Losses that are computed.
            trained: Those that gradients are wanted of.
            draw: Draws with the random state of each run.

        Raises:
            ConfigError: If the graph does what cannot be stacked.
        """
        # Stacked anew at each step, as each run's own optimizer moves its weights. As
        # leaves, so that one backward pass gives the gradients of all runs.
        weights = {
            name: torch.stack([value.detach() for value in values]).requires_grad_()
            for name, values in self.trained.items()
        }
        buffers = {n: torch.stack(values) for n, values in self._buffers.items()}
        columns = {n: v for n, v in inputs.items() if isinstance(v, Tensor)}
        others = {n: v for n, v in inputs.items() if n not in columns}

        def compute(
            state: dict[str, Tensor], given: dict[str, Tensor], anchor: Tensor
        ) -> Losses:
            with Exact(anchor, draw):
                args = ({**others, **given}, names, trained)
                return functional_call(self._template, state, args)

        # What draws other than through `Exact` would draw the same for all runs: vmap
        # is told to refuse it.
        state = {**weights, **self._frozen, **buffers}
        anchor = torch.empty(len(self.graphs))
        try:
            found = torch.vmap(compute, (self._dims, 0, 0), randomness="error")(
                state, columns, anchor
            )
        except torch.OutOfMemoryError:  # a RuntimeError, but stacking is not to blame
            raise
        except (RuntimeError, NotImplementedError, ValueError) as error:
            raise ConfigError(_explain(error)) from error
        with torch.no_grad():
            for name in self._changing:
                for buffer, new in zip(self._buffers[name], buffers[name], strict=True):
                    buffer.copy_(new)
        return found, weights


class _Template(nn.Module):
    """A graph in the form that `functional_call` takes."""

    def __init__(self, graph: BrickCollection) -> None:
        super().__init__()
        self.graph = graph

    def forward(
        self, inputs: Mapping[str, Any], names: Sequence[str], trained: Sequence[str]
    ) -> Losses:
        run = self.graph.run
        return compute_losses(self.graph, run, inputs, Stage.TRAIN, names, trained)


def _stackable(
    states: Sequence[Mapping[str, Tensor]], is_wanted: Callable[[Tensor], bool]
) -> dict[str, list[Tensor]]:
    """Returns the wanted tensors of each run, by name."""
    forms = [
        {
            name: (value.shape, value.dtype)
            for name, value in state.items()
            if is_wanted(value)
        }
        for state in states
    ]
    for form in forms[1:]:
        differing = {name for name, _ in form.items() ^ forms[0].items()}
        if differing:
            raise ConfigError(
                f"bricks: the graphs of the jobs differ in {min(differing)!r}, so they"
                f" cannot be stacked. {FIX}"
            )
    return {name: [state[name] for state in states] for name in forms[0]}


def _joined(values: Sequence[Tensor]) -> Tensor:
    """Returns one tensor for all runs if they agree; else theirs, stacked."""
    first = values[0].detach()
    if all(value.equal(first) for value in values):
        return first
    return torch.stack([value.detach() for value in values])


def _training_buffers(module: nn.Module) -> list[str]:
    """Returns the names of buffers that a step may change, such as running means."""
    return [
        f"{path}.{name}"
        for path, part in module.named_modules()
        if part.training
        for name, _ in part.named_buffers(recurse=False)
    ]


def _check_metrics(graph: BrickCollection) -> None:
    for path, brick in graph.flat().items():
        if brick.reduces and brick.is_alive(Stage.TRAIN):
            raise ConfigError(
                f"bricks.{path}: it measures in training, which cannot be stacked. Fix:"
                " alive_stages: [val, test], or hydra/launcher=basic."
            )


def _explain(error: Exception) -> str:
    cause = str(error).strip().splitlines()[0]
    where = " ".join(failure_notes(error)[:1])
    return f"bricks: what they do cannot be stacked: {cause} ({where}) {FIX}"
