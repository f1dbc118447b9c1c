"""What a picture of a graph shows: nodes and arrows, in one stage."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from gwbricks.bricks.brick import Brick, BrickModule
from gwbricks.bricks.kinds import BrickShared
from gwbricks.bricks.names import STAGE
from gwbricks.bricks.shared import resolve_shared
from gwbricks.bricks.stage import Stage
from gwbricks.bricks.wiring import Wiring

DATA = "."
"""Stands before a data name in a node's path; no path of a brick starts with a dot."""


@dataclass(frozen=True)
class Node:
    """A brick, a whole nest, or a name of the data.

    Args:
        path: Path of the brick or nest; for data, the name after a dot.
        role: `brick`, `loss`, `metrics`, `data` or `nest`.
        trained: Number of trained weights.
        frozen: Number of frozen weights.
        label: What the brick wraps.
        shared: Whether the weights belong to another brick.
        dead: Whether the stage does not run it.
    """

    path: str
    role: str
    trained: int = 0
    frozen: int = 0
    label: str = ""
    shared: bool = False
    dead: bool = False


@dataclass(frozen=True)
class Arrow:
    """What one node reads of another.

    Args:
        source: Path of the node that writes.
        target: Path of the node that reads.
        names: The names, sorted.
        dead: Whether the stage does not run one of the two.
    """

    source: str
    target: str
    names: tuple[str, ...]
    dead: bool = False


@dataclass(frozen=True)
class Picture:
    """Nodes and arrows of all bricks, with those marked that a stage does not run.

    Args:
        stage: The stage.
        bricks: All bricks by path.
        inputs: Names of the data; if None, what bricks read and none writes.
        outputs: Names that are wanted: what only others need counts as dead, but for
            metrics. None means all.

    Raises:
        UnknownNameError: If an output does not exist.
        WiringError: See `Wiring`.
    """

    stage: Stage
    bricks: Mapping[str, Brick]
    inputs: frozenset[str] | None = None
    outputs: Collection[str] | None = None

    @cached_property
    def wiring(self) -> Wiring:
        """The graph of the stage."""
        given = self._unwritten() if self.inputs is None else self.inputs
        return Wiring(self.stage, self.bricks, given)

    @cached_property
    def running(self) -> frozenset[str]:
        """Paths of the bricks that the stage runs."""
        wiring = self.wiring
        wanted = set(wiring.alive)
        if self.outputs is not None:
            wanted = {path for path in wanted if self.bricks[path].reduces}
            wanted |= set(wiring.paths_of(self.outputs))
        return frozenset(wiring.ancestors(wanted))

    def nodes(self) -> list[Node]:
        """Returns the data that is read, then the bricks in the order of running."""
        read = {arrow.source: False for arrow in self.arrows() if not arrow.dead}
        paths = sorted({a.source for a in self.arrows() if a.source.startswith(DATA)})
        data = [Node(path, "data", dead=path not in read) for path in paths]
        order = [*self.wiring.order, *sorted(set(self.bricks) - set(self.wiring.order))]
        return [*data, *(self._node(path) for path in order)]

    def arrows(self) -> list[Arrow]:
        """Returns one arrow for each two nodes of which one reads from the other."""
        return self._arrows

    @cached_property
    def _arrows(self) -> list[Arrow]:
        names: dict[tuple[str, str], set[str]] = {}
        for path in self.bricks:
            for name in self._reads(path):
                for source in self._sources(name, path):
                    names.setdefault((source, path), set()).add(name)
        return [
            Arrow(*pair, tuple(sorted(read)), self._is_dead(*pair))
            for pair, read in names.items()
        ]

    def _is_dead(self, source: str, target: str) -> bool:
        starts = source.startswith(DATA) or source in self.running
        return not starts or target not in self.running

    def _node(self, path: str) -> Node:
        brick = self.bricks[path]
        owner = brick
        if isinstance(brick, BrickShared):
            owner = self.bricks[resolve_shared(brick.brick, path, self.bricks)]
        weights = list(owner.parameters())
        trained = sum(p.numel() for p in weights if p.requires_grad)
        return Node(
            path,
            _role(brick),
            trained,
            sum(p.numel() for p in weights) - trained,
            "" if brick.label == path.rpartition(".")[2] else brick.label,
            owner is not brick,
            path not in self.running,
        )

    def _reads(self, path: str) -> list[str]:
        brick = self.bricks[path]
        known = {*self.wiring.given, *self.wiring.writers}
        if path not in self.wiring.alive:
            known |= {name for b in self.bricks.values() for name in b.output_names}
        known -= set(brick.output_names)
        if brick.reads is None:
            sources = self.wiring.sources.get(path)
            return sorted(
                name
                for name in known
                if sources is None or self.wiring.writers.get(name, "") in ("", *sources)
            )
        names: set[str] = set()
        for read in brick.reads:
            names |= set(read.matches(known)) if read.is_pattern else {read.name}
        return sorted(names & known)

    def _sources(self, name: str, path: str) -> list[str]:
        if name in self.wiring.given:
            return [DATA + name]
        if name in self.wiring.writers:
            return [self.wiring.writers[name]]
        return [p for p, b in self.bricks.items() if name in b.output_names and p != path]

    def _unwritten(self) -> frozenset[str]:
        alive = [b for b in self.bricks.values() if b.is_alive(self.stage)]
        dead = [b for b in self.bricks.values() if not b.is_alive(self.stage)]
        return frozenset(
            (_required(alive) - _written(alive))
            | (_required(dead) - _written(self.bricks.values()))
        )


def _required(bricks: Iterable[Brick]) -> set[str]:
    reads = [read for brick in bricks for read in brick.reads or ()]
    plain = {r.name for r in reads if not r.optional and not r.is_pattern}
    return plain - {STAGE}


def _written(bricks: Iterable[Brick]) -> set[str]:
    return {name for brick in bricks for name in brick.output_names}


def _role(brick: Brick) -> str:
    if brick.loss_output_names:
        return "loss"
    return "metrics" if brick.reduces else "brick"
