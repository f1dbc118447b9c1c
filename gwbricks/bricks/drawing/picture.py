"""What a picture of a graph shows: nodes and arrows, in one stage."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from gwbricks.bricks.brick import Brick
from gwbricks.bricks.graph.shared import resolve_shared
from gwbricks.bricks.graph.wiring import Wiring
from gwbricks.bricks.kinds import BrickShared
from gwbricks.bricks.names import STAGE
from gwbricks.bricks.stage import Stage

DATA = "."
"""Stands before a data name in a node's path; no path of a brick starts with a dot."""


@dataclass(frozen=True)
class Node:
    """A brick, or a name of the data.

    Args:
        path: Path of the brick; for data, the name after a dot.
        role: `brick`, `loss`, `metrics` or `data`.
        label: What the brick wraps.
        trained: Number of trained weights.
        frozen: Number of frozen weights.
        is_shared: Whether the weights belong to another brick.
        is_dead: Whether the stage does not run it.
        unread: Outputs that no brick reads.
        reads: Inputs that have no arrow.
        writes: Outputs that have no arrow, though bricks read them.
    """

    path: str
    role: str
    label: str = ""
    trained: int = 0
    frozen: int = 0
    is_shared: bool = False
    is_dead: bool = False
    unread: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Whether its weights are `trained` or `frozen`; without weights, its role."""
        if self.trained:
            return "trained"
        return "frozen" if self.frozen else self.role


@dataclass(frozen=True)
class Arrow:
    """What one node reads of another.

    Args:
        source: Path of the node that writes.
        target: Path of the node that reads.
        names: The names.
        is_dead: Whether the stage does not run one of the two.
    """

    source: str
    target: str
    names: tuple[str, ...]
    is_dead: bool = False


@dataclass(frozen=True)
class Picture:
    """All bricks of a graph, those that a stage does not run marked as dead.

    Args:
        stage: The stage.
        bricks: All bricks by path.
        inputs: Names of the data; if None, what bricks need and none writes.
        outputs: Names that are wanted: what they do not need is dead, but for metrics.
            None means all.

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

    @cached_property
    def nodes(self) -> list[Node]:
        """The data that bricks read, then the bricks in the order of running."""
        alive = {arrow.source for arrow in self.arrows if not arrow.is_dead}
        read = sorted({a.source for a in self.arrows if a.source.startswith(DATA)})
        data = [Node(path, "data", is_dead=path not in alive) for path in read]
        dead = sorted(set(self.bricks) - self.running)
        order = [path for path in self.wiring.order if path in self.running]
        return [*data, *(self._node(path) for path in [*order, *dead])]

    @cached_property
    def arrows(self) -> list[Arrow]:
        """One arrow for each two nodes of which one reads from the other."""
        names: dict[tuple[str, str], list[str]] = {}
        for path in sorted(self.bricks):
            for name in self._reads(path):
                for source in self._sources(name, path):
                    names.setdefault((source, path), []).append(name)
        return [
            Arrow(*pair, tuple(read), self._is_dead(*pair))
            for pair, read in names.items()
        ]

    def _is_dead(self, source: str, target: str) -> bool:
        is_given = source.startswith(DATA)
        return target not in self.running or not (is_given or source in self.running)

    def _node(self, path: str) -> Node:
        brick = self.bricks[path]
        owner = brick
        if isinstance(brick, BrickShared):
            owner = self.bricks[resolve_shared(brick.brick, path, self.bricks)]
        weights = list(owner.parameters())
        trained = sum(p.numel() for p in weights if p.requires_grad)
        is_dead = path not in self.running
        arrows = [a for a in self.arrows if a.source == path]
        read = {n for a in arrows if is_dead or not a.is_dead for n in a.names}
        return Node(
            path,
            _role(brick),
            brick.label if brick.label != path.rpartition(".")[2] else "",
            trained,
            sum(p.numel() for p in weights) - trained,
            owner is not brick,
            is_dead,
            tuple(name for name in brick.output_names if name not in read),
        )

    def _reads(self, path: str) -> list[str]:
        brick = self.bricks[path]
        known = {*self.wiring.given, *self.wiring.writers}
        if path not in self.wiring.alive:  # what it would read, were it alive
            known |= _written(self.bricks.values())
        known -= set(brick.output_names)
        names = {
            name
            for read in brick.reads or ()
            for name in (read.matches(known) if read.is_pattern else [read.name])
        }
        if brick.reads is None:
            sources = self.wiring.sources.get(path, self.wiring.alive)
            written = _written(self.bricks[source] for source in sources)
            names = {*self.wiring.given, *written}
        return sorted(names & known)

    def _sources(self, name: str, path: str) -> list[str]:
        if name in self.wiring.given:
            return [DATA + name]
        if name in self.wiring.writers:
            return [self.wiring.writers[name]]
        writers = [p for p, b in self.bricks.items() if name in b.output_names]
        return sorted(set(writers) - {path})

    def _unwritten(self) -> frozenset[str]:
        alive = [b for b in self.bricks.values() if b.is_alive(self.stage)]
        needed = _needed(self.bricks.values()) - _written(self.bricks.values())
        return frozenset(needed | (_needed(alive) - _written(alive)))


def _needed(bricks: Iterable[Brick]) -> set[str]:
    reads = [read for brick in bricks for read in brick.reads or ()]
    needed = {read.name for read in reads if not (read.optional or read.is_pattern)}
    return needed - {STAGE}


def _written(bricks: Iterable[Brick]) -> set[str]:
    return {name for brick in bricks for name in brick.output_names}


def _role(brick: Brick) -> str:
    if brick.loss_output_names:
        return "loss"
    return "metrics" if brick.reduces else "brick"
