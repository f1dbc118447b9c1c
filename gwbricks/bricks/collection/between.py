"""The bricks between some names of a graph and others."""

from collections.abc import Collection

from gwbricks.bricks.collection.collection import BrickCollection
from gwbricks.bricks.graph.shared import function_of
from gwbricks.bricks.graph.step import Step
from gwbricks.bricks.graph.wiring import Wiring
from gwbricks.bricks.names import STAGE
from gwbricks.bricks.stage import Stage
from gwbricks.errors import UnknownNameError, WiringError


def steps_between(
    collection: BrickCollection,
    given: Collection[str],
    outputs: Collection[str] | None,
    stage: Stage,
) -> list[Step]:
    """Returns the bricks that lead from some names to others, in order.

    What is given may be a value that a brick writes; that brick is then left out.

    Args:
        collection: The graph.
        given: Names that will be given.
        outputs: Names that are wanted; None for all.
        stage: The stage.

    Raises:
        UnknownNameError: If a name does not exist.
        WiringError: If an output needs a name that is not given, or is given itself.
    """
    given = frozenset(given)
    bricks = collection.flat()
    cut = {p for p, b in bricks.items() if given & {*b.output_names}}
    kept = {path: brick for path, brick in bricks.items() if path not in cut}
    wiring = Wiring(stage, kept, given)
    _check_known(given, collection, stage)
    for name in outputs or ():
        if name in given:
            raise WiringError(f"outputs: {name!r} is an input. Fix: leave one out.")
        for path in sorted(cut):
            if name in bricks[path].output_names:
                raise WiringError(
                    f"outputs: {name!r} is written by {path!r}, which is left out"
                    " because another of its outputs is given. Fix: give this one too."
                )
    wanted = [p for p, b in wiring.alive.items() if not b.reduces]
    needed = wiring.ancestors(wanted if outputs is None else wiring.paths_of(outputs))
    try:
        wiring.check_inputs(needed)
    except WiringError as error:
        raise WiringError(f"inputs: the outputs need another: {error}") from None
    return [
        wiring.step(path, function_of(path, bricks), gradients=False)
        for path in wiring.order
        if path in needed
    ]


def _check_known(
    given: frozenset[str], collection: BrickCollection, stage: Stage
) -> None:
    wiring = collection.wiring(stage, ())
    reads = [brick.reads for brick in wiring.alive.values()]
    if None in reads:
        return  # a brick reads whatever there is
    read = {read for found in reads for read in found or ()}
    known = {r.name for r in read if not r.is_pattern} - {STAGE}
    known |= wiring.writers.keys() | (collection.inputs or frozenset())
    for name in sorted(given - known):
        if not any(r.is_pattern and r.matches([name]) for r in read):
            raise UnknownNameError("inputs", name, known)
