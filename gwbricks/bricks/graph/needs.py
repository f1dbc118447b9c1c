"""What a graph needs and makes in a stage, found without running it."""

from collections.abc import Collection, Mapping

from gwbricks.bricks.brick import Brick
from gwbricks.bricks.graph.paths import listed
from gwbricks.bricks.graph.wiring import Wiring
from gwbricks.bricks.names import Read
from gwbricks.bricks.stage import Stage
from gwbricks.errors import UnknownNameError


def required_inputs(
    bricks: Mapping[str, Brick],
    stage: Stage,
    outputs: Collection[str] | None = None,
) -> frozenset[str]:
    """Returns the names that the data must have, and no name that it need not.

    Optional names are left out, and so is what a brick that reads `"all"` may want, or
    one with `skip_missing` whose outputs are not asked for. Where any name that matches
    a pattern will do, the pattern is named as it is, such as `*/latent`.

    Args:
        bricks: All bricks by path.
        stage: The stage.
        outputs: Names that are wanted; None means all, metrics too.

    Raises:
        ConfigError: If the outputs are one string.
        UnknownNameError: If nothing writes or reads an output.
        WiringError: If bricks do not fit together.
    """
    found: frozenset[str] = frozenset()
    while lacking := _lacking(Wiring(stage, bricks, found), outputs):
        found |= lacking  # with these, more bricks may run, which need others
    return frozenset(name for name in found if not _is_met(name, found - {name}))


def _is_met(name: str, others: Collection[str]) -> bool:
    return "*" in name and bool(Read(name).matches(others))


def _lacking(wiring: Wiring, outputs: Collection[str] | None) -> set[str]:
    """Returns the names and patterns that what is wanted lacks."""
    lacking, todo = _unwritten(wiring, outputs or ()), list(wiring.alive)
    if outputs is None:
        todo = [path for path in todo if path not in wiring.skipped]
    else:
        todo = [wiring.writers[n] for n in outputs if n in wiring.writers]
    seen: set[str] = set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            missing = set(wiring.missing(path))
            lacking |= missing - wiring.writers.keys()
            todo += [wiring.writers[name] for name in missing & wiring.writers.keys()]
            todo += [p for p in wiring.sources[path] if p not in wiring.skipped]
    return lacking


def _unwritten(wiring: Wiring, outputs: Collection[str]) -> set[str]:
    reads = [read for brick in wiring.alive.values() for read in brick.reads or ()]
    known = {read.name for read in reads} | wiring.writers.keys()
    for name in listed(outputs, "outputs"):
        if name not in known and not any(
            read.is_pattern and read.matches([name]) for read in reads
        ):
            raise UnknownNameError("outputs", name, known)
    return set(outputs) - wiring.writers.keys() - wiring.given


def unread_bricks(bricks: Mapping[str, Brick], stage: Stage) -> list[str]:
    """Returns the paths of bricks whose outputs no other brick of the stage reads.

    Losses and metrics are left out, and bricks without outputs: they are ends of a
    graph.
    """
    wiring = Wiring(stage, bricks, frozenset())
    read = {source for sources in wiring.sources.values() for source in sources}
    return [
        path
        for path, brick in wiring.alive.items()
        if path not in read
        and brick.output_names
        and not brick.loss_output_names
        and not brick.reduces
    ]
