"""What a graph needs and makes in a stage, found without running it."""

from collections.abc import Collection, Mapping

from gwbricks.bricks.brick import Brick
from gwbricks.bricks.names import Read, STAGE
from gwbricks.bricks.ordering import needed_bricks
from gwbricks.bricks.stage import Stage
from gwbricks.bricks.wiring import Wiring


def required_inputs(
    bricks: Mapping[str, Brick],
    stage: Stage,
    outputs: Collection[str] | None = None,
) -> frozenset[str]:
    """Returns the names that the data must have.

    Optional names are left out, and so is what a brick that reads `"all"` may want, or
    one with `skip_missing` whose outputs are not asked for. A pattern that no brick's
    output matches is named as it is, such as `*/latent`.

    Args:
        bricks: All bricks by path.
        stage: The stage.
        outputs: Names that are wanted; None means all, metrics too.

    Raises:
        UnknownNameError: If an output does not exist.
        WiringError: If bricks do not fit together.
    """
    missing = _missing([b for b in bricks.values() if b.is_alive(stage)], outputs)
    names = frozenset(name for name in missing if "*" not in name)
    wiring = Wiring(stage, bricks, names)
    paths = needed_bricks(wiring, outputs, outputs is None)
    needed = {read.name for path in paths for read in _asked(wiring.alive[path])}
    return frozenset(missing & needed)


def unread_bricks(bricks: Mapping[str, Brick], stage: Stage) -> list[str]:
    """Returns the paths of bricks whose outputs no other brick of the stage reads.

    Losses and metrics are left out: they are ends of a graph.
    """
    wiring = Wiring(stage, bricks, required_inputs(bricks, stage))
    read = {source for sources in wiring.sources.values() for source in sources}
    return [
        path
        for path, brick in wiring.alive.items()
        if path not in read and not brick.loss_output_names and not brick.reduces
    ]


def _missing(bricks: Collection[Brick], outputs: Collection[str] | None) -> set[str]:
    """Returns the names and patterns that are read, but not written."""
    missing = set()
    for brick in bricks:
        if outputs is None and brick.skip_missing:
            continue
        written = {n for b in bricks if b is not brick for n in b.output_names}
        for read in _asked(brick):
            found = read.matches(written) if read.is_pattern else read.name in written
            missing |= set() if found else {read.name}
    return missing - {STAGE}


def _asked(brick: Brick) -> list[Read]:
    return [read for read in brick.reads or () if not read.optional]
