"""What a workspace makes of given values, computed by the graph that it is part of."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict

import torch
from torch import Tensor

from gwbricks.bricks import BrickCollection, BrickModule, Stage
from gwbricks.bricks.collection.between import steps_between
from gwbricks.bricks.collection.evaluating import evaluating
from gwbricks.bricks.graph.step import Step
from gwbricks.bricks.names import STAGE
from gwbricks.data import Group, Layout
from gwbricks.data.table import LAYOUT
from gwbricks.domains import DomainModule
from gwbricks.errors import ConfigError, UnknownNameError, WiringError
from gwbricks.workspace.fusion import Fuse
from gwbricks.workspace.planning.planner import Planner
from gwbricks.workspace.selection import Selection

Latents = Mapping[str, Tensor]
"""Unimodal latents of matched rows, by domain."""

LATENT, ENCODING, BROADCAST = "latent", "encoding", "broadcast"


class GroupPredictions(TypedDict):
    """What a workspace predicts from one group of domains.

    States, what they are decoded to in every domain, and what the domains that the
    group lacks are decoded to once they are encoded again.
    """

    states: Tensor
    broadcasts: dict[str, Tensor]
    cycles: dict[str, Tensor]


class WorkspaceView:
    """Runs a graph in inference, from any of its names to others.

    Modules are in eval mode, no gradient is calculated, and nothing is changed. `run`
    serves any graph; the other methods are those of Shimmer's `GWModule`, and take and
    return latents of matched rows.

    Args:
        collection: The graph.
    """

    def __init__(self, collection: BrickCollection) -> None:
        self.collection = collection
        self._structure = collection.structure()
        self._steps: dict[tuple[tuple[str, ...], ...], list[Step]] = {}

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of the workspace, sorted; none if the graph has no workspace."""
        models = self._modules().values()
        return next((m.domains for m in models if isinstance(m, Planner)), ())

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the data that bricks read, sorted."""
        wiring = self.collection.wiring(Stage.INFERENCE, ())
        reads = [read for b in wiring.alive.values() for read in b.reads or ()]
        names = {read.name for read in reads if not read.is_pattern}
        return tuple(sorted(names - wiring.writers.keys() - {STAGE, LAYOUT}))

    @property
    def domain_mods(self) -> dict[str, DomainModule]:
        """The domains' own modules, by name."""
        return {name: self._writer(f"{name}/{LATENT}") for name in self.domains}

    @property
    def selection(self) -> Selection:
        """How much each domain enters."""
        return self._fuse().selection

    def run(
        self, given: Mapping[str, Tensor], outputs: Collection[str]
    ) -> dict[str, Any]:
        """Computes some names of the graph from others.

        The state is fused from the domains that are given, and from no other.

        Args:
            given: Values of matched rows by name: data, or what bricks write.
            outputs: Names that are wanted.

        Raises:
            UnknownNameError: If a name does not exist.
            WiringError: If an output needs what is not given.
            ConfigError: If the rows differ, or there is none.
        """
        rows, domains = _count_rows(given), self.domains
        values: dict[str, Any] = {STAGE: Stage.INFERENCE, **given}
        if domains:
            names = {name.partition("/")[0] for name in given} & {*domains}
            values[LAYOUT] = _layout(names or domains, rows)
        steps = self._steps_to(given, outputs)
        device = next(iter(given.values())).device
        with evaluating(self.collection), torch.device(device):
            for step in steps:
                values |= step.run(values, Stage.INFERENCE)
        return {name: values[name] for name in outputs}

    def can(self, given: Iterable[str], output: str) -> bool:
        """Whether some names are enough to compute another.

        Raises:
            UnknownNameError: If a name does not exist.
        """
        try:
            self._steps_to(given, (output,))
        except UnknownNameError:
            raise
        except WiringError:
            return False
        return True

    def cycle(
        self,
        given: Mapping[str, Tensor],
        through: str | Iterable[str],
        outputs: Collection[str],
    ) -> dict[str, Any]:
        """Decodes to some domains, encodes these again, and computes names from them.

        Args:
            given: See `run`.
            through: The domains in between.
            outputs: Names that are wanted, such as `v/raw`.

        Raises:
            UnknownNameError: If a domain or a name does not exist.
        """
        through = self.check_domains(through, "through")
        found = self.run(given, [f"{name}/{BROADCAST}" for name in through])
        latents = {name: found[f"{name}/{BROADCAST}"] for name in through}
        return self.run(named(latents, LATENT), outputs)

    def check_domains(self, names: str | Iterable[str], key: str) -> list[str]:
        """Returns the names as a list.

        Args:
            names: One domain, or several.
            key: What they were given as.

        Raises:
            ConfigError: If the graph has no workspace.
            UnknownNameError: If one is no domain of the workspace.
        """
        names = [names] if isinstance(names, str) else list(names)
        if not self.domains:
            raise ConfigError(
                f"{key}: the graph has no workspace. Fix: a run whose bricks have `gw`."
            )
        for name in names:
            if name not in self.domains:
                raise UnknownNameError(key, name, self.domains)
        return names

    def encode(self, x: Latents) -> dict[str, Tensor]:
        """Encodes latents into the workspace, before fusion."""
        names = self.check_domains(x, "x")
        found = self.run(named(x, LATENT), [f"{name}/{ENCODING}" for name in names])
        return {name: found[f"{name}/{ENCODING}"] for name in names}

    def fuse(self, x: Latents, selection_scores: Latents) -> Tensor:
        """Fuses encodings with given weights, each of shape `(rows,)`."""
        names = sorted(self.check_domains(selection_scores, "selection_scores"))
        encodings = torch.stack([x[name] for name in names], dim=1)
        weights = torch.stack([selection_scores[name] for name in names], dim=1)
        with evaluating(self.collection):
            return self._fuse().fusion(encodings, weights)

    def encode_and_fuse(
        self, x: Latents, selection_module: Selection | None = None
    ) -> Tensor:
        """Encodes latents to states of shape `(rows, dim)`.

        Args:
            x: The latents.
            selection_module: Weighs the domains; None for the workspace's own.
        """
        self.check_domains(x, "x")
        with self.selecting(selection_module):
            return self.run(named(x, LATENT), ["states"])["states"]

    def decode(
        self, z: Tensor, domains: Iterable[str] | None = None
    ) -> dict[str, Tensor]:
        """Decodes states to latents.

        Args:
            z: States of shape `(rows, dim)`.
            domains: Domains that are wanted; None for all.
        """
        wanted = self.domains if domains is None else domains
        names = self.check_domains(wanted, "domains")
        found = self.run({"states": z}, [f"{name}/{BROADCAST}" for name in names])
        return {name: found[f"{name}/{BROADCAST}"] for name in names}

    def __call__(
        self, latent_domains: Latents, selection_module: Selection | None = None
    ) -> GroupPredictions:
        """Returns states, broadcasts and cycles; see `GroupPredictions`.

        Args:
            latent_domains: The latents.
            selection_module: Weighs the domains; None for the workspace's own.
        """
        with self.selecting(selection_module):
            given = named(latent_domains, LATENT)
            wanted = ["states", *(f"{name}/{BROADCAST}" for name in self.domains)]
            found = self.run(given, wanted)
            broadcasts = {name: found[f"{name}/{BROADCAST}"] for name in self.domains}
            absent = {n: x for n, x in broadcasts.items() if n not in latent_domains}
            cycles = self.decode(self.encode_and_fuse(absent)) if absent else {}
        return {"states": found["states"], "broadcasts": broadcasts, "cycles": cycles}

    @contextmanager
    def selecting(self, selection: Selection | None) -> Iterator[None]:
        """Puts another selection into the graph for a while; None changes nothing."""
        fuse = self._fuse()
        own = fuse.selection
        fuse.selection = own if selection is None else selection
        try:
            yield
        finally:
            fuse.selection = own

    def _steps_to(self, given: Iterable[str], outputs: Iterable[str]) -> list[Step]:
        # A user may add or replace bricks between two calls.
        if self.collection.differs(self._structure):
            self._structure = self.collection.structure()
            self._steps.clear()
        layout = [LAYOUT] if self.domains else []
        names, wanted = tuple(sorted({*given, *layout})), tuple(outputs)
        if (names, wanted) not in self._steps:
            self._steps[names, wanted] = steps_between(
                self.collection, names, wanted, Stage.INFERENCE
            )
        return self._steps[names, wanted]

    def _modules(self) -> dict[str, Any]:
        """Returns what each brick holds, by the brick's path."""
        bricks = self.collection.flat().items()
        return {p: b.model for p, b in bricks if isinstance(b, BrickModule)}

    def _writer(self, name: str) -> Any:  # noqa: ANN401 - any module
        """Returns the module that writes a name."""
        return self._modules()[self.collection.wiring(Stage.INFERENCE).writers[name]]

    def _fuse(self) -> Fuse:
        self.check_domains((), "selection")
        return self._writer("states")


def named(values: Latents, suffix: str) -> dict[str, Tensor]:
    """Returns values by their names in the graph.

    Example:
        >>> named({"v": torch.zeros(1)}, "latent")
        {'v/latent': tensor([0.])}
    """
    return {f"{name}/{suffix}": value for name, value in values.items()}


def _layout(domains: Iterable[str], rows: int) -> Layout:
    return Layout((Group(tuple(sorted(domains)), rows),))


def _count_rows(given: Mapping[str, Tensor]) -> int:
    rows = {name: len(value) if value.ndim else 0 for name, value in given.items()}
    if len(set(rows.values())) != 1 or 0 in rows.values():
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(rows.items()))
        raise ConfigError(
            f"inputs: their rows are none, or differ ({listed or 'nothing is given'})."
            " Expected one row or more, the same items in each."
        )
    return next(iter(rows.values()))
