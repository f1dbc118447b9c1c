"""Which bricks run for what is wanted, and in which order."""

from collections.abc import Collection

from gwbricks.bricks.graph.shared import function_of
from gwbricks.bricks.graph.step import Step
from gwbricks.bricks.graph.wiring import Wiring


def find_steps(
    wiring: Wiring,
    outputs: Collection[str] | None = None,
    update_metrics: bool = True,
    gradients_to: Collection[str] | None = None,
) -> tuple[Step, ...]:
    """Returns the bricks that are needed, in order, ready to run.

    Args:
        wiring: The graph of the stage.
        outputs: Names that are wanted; None means all.
        update_metrics: Whether metric bricks are run too.
        gradients_to: Outputs that gradients are wanted of; None means all.

    Raises:
        UnknownNameError: If an input is missing, or an output does not exist.
        WiringError: If a name is both given and written by a brick.
    """
    needed = needed_bricks(wiring, outputs, update_metrics)
    wiring.check_inputs(needed)
    trained = needed
    if gradients_to is not None:
        trained = wiring.ancestors(wiring.paths_of(gradients_to))
    return tuple(
        wiring.step(path, function_of(path, wiring.bricks), path in trained)
        for path in wiring.order
        if path in needed
    )


def needed_bricks(
    wiring: Wiring, outputs: Collection[str] | None, update_metrics: bool
) -> set[str]:
    """Returns the paths of what is wanted and of all that it needs.

    Raises:
        UnknownNameError: If an output does not exist.
        WiringError: If the data that an output needs is missing.
    """
    wanted = {p for p, b in wiring.alive.items() if b.reduces and update_metrics}
    if outputs is None:
        wanted |= {p for p, b in wiring.alive.items() if not b.reduces}
    else:
        wanted |= set(wiring.paths_of(outputs))
    return wiring.ancestors(wanted)
