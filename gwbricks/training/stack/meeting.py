"""One step of several runs: each brings a batch, and gets its objective."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn, Tensor
from torch.autograd import Function

from gwbricks.bricks import BrickCollection, Stage
from gwbricks.errors import ConfigError
from gwbricks.training.batch_losses import compute_objective, Objective
from gwbricks.training.stack.graphs import FIX, StackedGraphs
from gwbricks.training.stack.run_random_state import RandomState

CLOSE = {"rtol": 1e-4, "atol": 1e-5, "equal_nan": True}
"""How near a run's first step in a stack has to be to that of the run alone."""


@dataclass(eq=False)
class Request:
    """The batch of one run.

    Args:
        graph: The run's graph.
        inputs: Data by name.
        names: Losses that are computed.
        coefs: Coefficient of each.
        random: The run's random state.
        is_first: Whether it is the run's first batch.
        answer: The objective, or why there is none.
    """

    graph: BrickCollection
    inputs: Mapping[str, Any]
    names: Sequence[str]
    coefs: Mapping[str, float]
    random: RandomState
    is_first: bool = False
    answer: Objective | Exception | None = field(default=None, init=False)

    @property
    def shapes(self) -> tuple[object, ...]:
        """The form of the batch."""
        return tuple((name, _form(v)) for name, v in sorted(self.inputs.items()))

    @property
    def trained(self) -> tuple[str, ...]:
        """Losses that gradients are wanted of."""
        return tuple(name for name in self.names if self.coefs[name])

    def alone(self) -> Objective:
        """Returns what the run computes without the others."""
        run, stage = self.graph.run, Stage.TRAIN
        with self.random.active():
            return compute_objective(
                self.graph, run, self.inputs, stage, self.names, self.coefs
            )


class Meeting:
    """Computes the steps of runs together, as long as their batches have one form.

    The losses of a run's first step are compared with those that it has alone.
    """

    def __init__(self) -> None:
        self._stack: StackedGraphs | None = None

    def answer(self, requests: Sequence[Request]) -> None:
        """Answers each request.

        Args:
            requests: The batches of all runs that train.
        """
        groups: dict[tuple[object, ...], list[Request]] = {}
        # Batches of a first step that differ are a mistake of the sweep and would part
        # the stack for good; later, the last batch of an epoch may well be smaller.
        usual = Counter(request.shapes for request in requests).most_common(1)[0][0]
        for request in requests:
            if request.is_first and request.shapes != usual:
                request.answer = _refusal(request.shapes, usual)
            else:
                form = (request.shapes, tuple(request.names), request.trained)
                groups.setdefault(form, []).append(request)
        for group in groups.values():
            try:
                self._answer_group(group)
            except Exception as error:
                # Each run raises it in its own thread, and is recorded as failed.
                for request in group:
                    request.answer = error

    def _answer_group(self, requests: Sequence[Request]) -> None:
        if len(requests) < 2:
            for request in requests:
                request.answer = request.alone()
            return
        expected = [_rehearse(r) if r.is_first else None for r in requests]
        answers = self._compute(requests)
        for request, answer, known in zip(requests, answers, expected, strict=True):
            different = [] if known is None else _different(answer.logged, known)
            request.answer = _doubt(different) if different else answer

    def _compute(self, requests: Sequence[Request]) -> list[Objective]:
        graphs = [request.graph for request in requests]
        stack = self._stack
        if stack is None or not stack.fits(graphs):
            stack = self._stack = StackedGraphs(graphs)
        names = requests[0].names
        inputs = {
            name: torch.stack([r.inputs[name] for r in requests])
            if isinstance(value, Tensor)
            else value
            for name, value in requests[0].inputs.items()
        }
        (losses, metrics), weights = stack.losses(
            inputs,
            names,
            requests[0].trained,
            lambda sample: torch.stack([r.random.draw(sample) for r in requests]),
        )
        # Runs do not share weights, so the gradient of the sum is that of each alone.
        objective = _weighted([request.coefs for request in requests], losses)
        gradients = torch.autograd.grad(
            objective.sum(), list(weights.values()), allow_unused=True
        )
        of_runs = zip(*(_unbound(g, len(requests)) for g in gradients), strict=True)
        own = zip(*stack.trained.values(), strict=True)
        values = {"loss": objective, **losses, **metrics}
        # In one tensor, so that each run takes its row at once.
        logged = torch.stack([v.detach().float() for v in values.values()], dim=1)
        return [
            Objective(
                _HandedOut.apply(value, gradient, *parameters),
                dict(zip(values, row.unbind(), strict=True)),
            )
            for value, gradient, parameters, row in zip(
                objective.detach(), of_runs, own, logged, strict=True
            )
        ]


class _HandedOut(Function):
    """A run's objective, whose gradients are known already.

    Each run calls `backward` itself, as Lightning has it; this hands on its part of the
    gradients that were computed for all.
    """

    @staticmethod
    def forward(
        value: Tensor, gradients: Sequence[Tensor | None], *parameters: nn.Parameter
    ) -> Tensor:
        return value.clone()  # an input that is returned as it is would be a view

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401 - torch's own
        """Keeps the gradients."""
        ctx.gradients = inputs[1]

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - torch's own  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns the gradients, scaled as the objective was."""
        scaled = (g if g is None else g * upstream for g in ctx.gradients)
        return (None, None, *scaled)


def _weighted(
    coefs: Sequence[Mapping[str, float]], losses: Mapping[str, Tensor]
) -> Tensor:
    """Returns the objective of each run; all leave out the same losses."""
    # Sorted, as in the sum of a run alone: another order would round differently.
    names = [name for name in sorted(losses) if coefs[0][name]]
    terms = torch.stack([losses[name] for name in names], dim=1)
    weights = terms.new_tensor([[of[name] for name in names] for of in coefs])
    return (weights * terms).sum(dim=1)


def _unbound(gradient: Tensor | None, count: int) -> Sequence[Tensor | None]:
    return [None] * count if gradient is None else gradient.unbind()


def _form(value: object) -> object:
    if isinstance(value, Tensor):
        return (tuple(value.shape), value.dtype, value.device)
    return value


def _rehearse(request: Request) -> dict[str, Tensor]:
    """Returns what the run would log alone, and leaves it as it was."""
    # Buffers may be running means, which the stack is to move once.
    buffers = {b: b.clone() for b in request.graph.buffers()}
    before = request.random
    request.random = before.copy()
    try:
        with torch.no_grad():
            return request.alone().logged
    finally:
        request.random = before
        for buffer, value in buffers.items():
            buffer.copy_(value)


def _different(found: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> list[str]:
    if found.keys() != known.keys():
        return sorted(found.keys() ^ known.keys())
    return [
        name
        for name, value in found.items()
        if not torch.isclose(value, known[name].to(value).reshape(()), **CLOSE)
    ]


def _doubt(names: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"bricks: {names[0]} of the first step is not what it is without the stack, as"
        f" when a module keeps something besides weights and buffers. {FIX}"
    )


def _refusal(shapes: tuple[object, ...], usual: tuple[object, ...]) -> ConfigError:
    return ConfigError(
        f"data: the batches of this job differ in shape from the others', so it cannot"
        f" be stacked with them: {sorted({*shapes} - {*usual}, key=str)}. Fix: a sweep"
        " for each shape, or hydra/launcher=basic."
    )
