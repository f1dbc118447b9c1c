"""Which brick feeds which: checks, pruning and the order of execution."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from gwbricks.bricks.binding import bind
from gwbricks.bricks.brick import Brick
from gwbricks.bricks.graph.step import Step
from gwbricks.bricks.names import Read, STAGE
from gwbricks.bricks.stage import Stage
from gwbricks.errors import UnknownNameError, WiringError


@dataclass(frozen=True)
class Wiring:
    """The graph of the bricks that are alive in one stage.

    Bricks are taken in sorted order, so the order of a config never matters.

    Args:
        stage: The stage.
        bricks: All bricks by path; those that are dead in the stage are left out.
        given: Names that the caller provides.

    Raises:
        WiringError: If two bricks write one name, a brick writes a given name, or
            bricks form a loop.
    """

    stage: Stage
    bricks: Mapping[str, Brick]
    given: frozenset[str]

    @cached_property
    def alive(self) -> dict[str, Brick]:
        """Bricks that run in the stage and are not replaced, sorted by path."""
        return {p: b for p, b in sorted(self.bricks.items()) if self._is_alive(b)}

    def _is_alive(self, brick: Brick) -> bool:
        is_replaced = brick.replaceable and self.given.issuperset(brick.output_names)
        return brick.is_alive(self.stage) and not is_replaced

    @cached_property
    def writers(self) -> dict[str, str]:
        """Path of the brick that writes each name."""
        writers: dict[str, str] = {}
        for path, brick in self.alive.items():
            for name in brick.output_names:
                if name in self.given or name in writers:
                    other = "the data already has it"
                    if name in writers:
                        other = f"{writers[name]!r} already writes it"
                    raise WiringError(
                        f"{path}.output_names: {name!r} has two writers in stage"
                        f" {self.stage.value!r}: {other}. Fix: rename one of the two."
                    )
                writers[name] = path
        return writers

    @cached_property
    def sources(self) -> dict[str, list[str]]:
        """Paths of the bricks that each brick reads from, sorted."""
        sources = {
            path: self._sources(path, brick) for path, brick in self.alive.items()
        }
        # `all` is what does not come after the brick, so that it never makes a loop;
        # what does come after it is known only now, when all other bricks are placed
        for path, brick in self.alive.items():
            if brick.reads is None:
                later = descendants(sources, path)
                sources[path] = [
                    p
                    for p, b in self.alive.items()
                    if b.output_names and p not in later
                ]
        return sources

    def _sources(self, path: str, brick: Brick) -> list[str]:
        written = self._written(brick)
        for name in written:
            if name in brick.output_names:
                raise WiringError(
                    f"{path}.input_names: {name!r} is its own output. Fix: rename one."
                )
        return sorted({self.writers[name] for name in written})

    def _written(self, brick: Brick) -> list[str]:
        reads = brick.reads or ()
        names = {name for read in reads for name in self.names_of(read, brick)}
        return sorted(names & self.writers.keys())

    def names_of(self, read: Read, brick: Brick) -> list[str]:
        """Returns the names that one argument of `brick` refers to."""
        if not read.is_pattern:
            return [read.name]
        return list(read.matches(self._others(brick)))

    def _others(self, brick: Brick) -> set[str]:
        """Returns all names but those that `brick` writes."""
        return {*self.given, *self.writers}.difference(brick.output_names)

    @cached_property
    def order(self) -> list[str]:
        """Paths of the bricks, each after those that it reads from."""
        try:
            return list(TopologicalSorter(self.sources).static_order())
        except CycleError as error:
            links = [self._link(*pair) for pair in pairwise(error.args[1])]
            raise WiringError(
                f"bricks: a loop in stage {self.stage.value!r}: {', '.join(links)}."
                " Fix: rename one of these names."
            ) from None

    def _link(self, source: str, path: str) -> str:
        names = [
            name
            for name in self._written(self.alive[path])
            if self.writers[name] == source
        ]
        return f"{path!r} reads {names[0]!r} of {source!r}"

    @cached_property
    def skipped(self) -> frozenset[str]:
        """Bricks that are left out because the data they need is missing."""
        skipped: set[str] = set()
        for path in self.order:
            brick = self.alive[path]
            missing = self._missing(brick, skipped)
            names = {name for read in missing for name in self.names_of(read, brick)}
            # without skip_missing too: a skipped brick cannot make what it needs
            lost = any(self.writers.get(name) in skipped for name in names)
            if missing and (lost or brick.skip_missing):
                skipped.add(path)
        return frozenset(skipped)

    def missing(self, path: str) -> list[str]:
        """Returns what a brick reads though nothing that runs provides it."""
        return [read.name for read in self._missing(self.alive[path], self.skipped)]

    def _missing(self, brick: Brick, skipped: Collection[str]) -> list[Read]:
        return [
            read
            for read in brick.reads or ()
            if not read.optional
            and not any(
                self._is_available(name, skipped) for name in self.names_of(read, brick)
            )
        ]

    def _is_available(self, name: str, skipped: Collection[str]) -> bool:
        if name in self.writers:
            return self.writers[name] not in skipped
        return name in self.given or name == STAGE

    def ancestors(self, targets: Iterable[str]) -> set[str]:
        """Returns the given bricks and all that they need, but for skipped ones."""
        found: set[str] = set()
        todo = list(targets)
        while todo:
            path = todo.pop()
            if path not in found and path not in self.skipped:
                found.add(path)
                todo += self.sources[path]
        return found

    def check_inputs(self, paths: Iterable[str]) -> None:
        """Checks that everything that the given bricks read exists.

        Raises:
            UnknownNameError: If nothing provides a name.
            WiringError: If only bricks that are dead in this stage write it.
        """
        for path in sorted(set(paths) - self.skipped):
            for name in self.missing(path):
                self._raise_missing(path, name)

    def _raise_missing(self, path: str, name: str) -> None:
        for other, brick in sorted(self.bricks.items()):
            if name in brick.output_names:
                raise WiringError(
                    f"{path}.input_names: {name!r} is written by {other!r}, which is"
                    f" not alive in stage {self.stage.value!r}. Fix: add the stage to"
                    f" its alive_stages, or take it from those of {path!r}."
                )
        known = self._others(self.alive[path])
        raise UnknownNameError(f"{path}.input_names", name, known)

    def paths_of(self, outputs: Iterable[str]) -> list[str]:
        """Returns the bricks that write `outputs`.

        Raises:
            UnknownNameError: If nothing writes one of them.
            WiringError: If the data that one of them needs is missing.
        """
        if isinstance(outputs, str):
            raise WiringError(f"outputs: {outputs!r} is a string. Fix: [{outputs!r}].")
        paths = []
        for name in outputs:
            if name in self.given:
                continue
            if name not in self.writers:
                raise UnknownNameError("outputs", name, self.writers)
            if self.writers[name] in self.skipped:
                raise WiringError(
                    f"outputs: {name!r} needs data that is missing."
                    f" Given: {', '.join(sorted(self.given)) or 'nothing'}."
                )
            paths.append(self.writers[name])
        return paths

    def step(self, path: str, function: Callable[..., Any], gradients: bool) -> Step:
        """Returns the brick at `path`, ready to run."""
        brick = self.alive[path]
        # of its sources only: for `all`, others may be written later
        written = [n for p in self.sources[path] for n in self.alive[p].output_names]
        names = sorted({*self.given, *written})
        there = dict.fromkeys(n for n in names if self._is_available(n, self.skipped))
        binding = bind(brick.reads, there, brick.output_names)
        gradients = gradients and brick.calculate_gradients
        return Step(path, brick, function, binding, gradients)


def descendants(sources: Mapping[str, Iterable[str]], path: str) -> set[str]:
    """Returns `path` and every brick that reads from it, directly or not.

    Example:
        >>> sorted(descendants({"a": [], "b": ["a"], "c": ["b"], "d": []}, "a"))
        ['a', 'b', 'c']
    """
    found = {path}
    grown = True
    while grown:
        new = {
            p for p, s in sources.items() if p not in found and not found.isdisjoint(s)
        }
        found |= new
        grown = bool(new)
    return found
