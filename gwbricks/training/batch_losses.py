"""What one batch gives a run to train on, and to log."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from gwbricks.bricks import BrickCollection, LossOutput, Stage
from gwbricks.losses import weighted_sum


class Objective(NamedTuple):
    """The objective of a batch; None if it has nothing to train on.

    Args:
        value: The objective, with its gradient.
        logged: The objective, the losses and their metrics, by name.
    """

    value: Tensor | None
    logged: dict[str, Tensor]


def compute_objective(
    graph: BrickCollection,
    run: Callable[..., dict[str, Any]],
    inputs: Mapping[str, Any],
    stage: Stage,
    names: Sequence[str],
    coefs: Mapping[str, float],
) -> Objective:
    """Runs a graph and weighs its losses.

    Args:
        graph: The graph.
        run: Its `run`, or the same compiled.
        inputs: Data by name.
        stage: The stage.
        names: Losses that are computed.
        coefs: Coefficient of each; those of 0 are computed without gradients.
    """
    trained = [name for name in names if coefs[name]]
    losses, metrics = compute_losses(graph, run, inputs, stage, names, trained)
    value = weighted_sum(losses, coefs)
    logged = {**losses, **metrics}
    return Objective(value, logged if value is None else {"loss": value, **logged})


def compute_losses(
    graph: BrickCollection,
    run: Callable[..., dict[str, Any]],
    inputs: Mapping[str, Any],
    stage: Stage,
    names: Sequence[str],
    trained: Sequence[str],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns the losses of a batch, and what is logged beside them.

    Args:
        graph: The graph.
        run: Its `run`, or the same compiled.
        inputs: Data by name.
        stage: The stage.
        names: Losses that are computed; one that the batch has no rows for is left out.
        trained: Those that gradients are wanted of in training.
    """
    gradients_to = trained if stage is Stage.TRAIN else None
    values = run(inputs, stage, names, gradients_to=gradients_to)
    values = {n: values[n] for n in names if values[n] is not None}
    metrics = {
        f"{name}/{key}": metric
        for name, value in values.items()
        if isinstance(value, LossOutput)
        for key, metric in value.metrics.items()
    }
    return graph.extract_losses(values), metrics
