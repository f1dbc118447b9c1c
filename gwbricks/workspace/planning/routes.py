"""Routes: from which domains, through which, to which."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from gwbricks.errors import ConfigError

Domains = tuple[str, ...]

DEMI_CYCLES, TRANSLATIONS, FUSED = "demi_cycles", "translations", "fused"
CYCLES, CONTRASTIVES = "cycles", "contrastives"
KINDS = (DEMI_CYCLES, TRANSLATIONS, FUSED, CYCLES, CONTRASTIVES)
"""The kinds of losses of a workspace."""

BROADCAST = "broadcast"
"""What is decoded in inference, with nothing to compare it with."""


@dataclass(frozen=True)
class Route:
    """One way through the workspace.

    Args:
        kind: Kind of loss that it belongs to, or `broadcast`.
        sources: Domains that are encoded and fused first, sorted.
        target: Domain that is decoded last.
        through: Domains that a cycle is decoded to and encoded from again, sorted.
    """

    kind: str
    sources: Domains
    target: str
    through: Domains = ()

    @property
    def name(self) -> str:
        """How the route is logged.

        Example:
            >>> Route("translations", ("attr", "v"), "t").name
            'attr+v-to-t'
            >>> Route("cycles", ("v",), "v", ("t",)).name
            'v-through-t'
        """
        sources = "+".join(self.sources)
        if not self.through:
            return f"{sources}-to-{self.target}"
        end = f"-to-{self.target}" if len(self.sources) > 1 else ""
        return f"{sources}-through-{'+'.join(self.through)}{end}"


class Routes(ABC):
    """Abstract: which routes the rows of a group take.

    Args:
        sample: Number of routes that are drawn for each batch, as many of each kind as
            there are; losses are then unbiased estimates. None computes all.
        chunk: Number of routes that are computed together in training, so that memory
            is bounded; their activations are computed again for the gradient. None
            computes all together.

    Raises:
        ConfigError: If a number is below 1.
    """

    def __init__(self, sample: int | None = None, chunk: int | None = None) -> None:
        for name, number in {"sample": sample, "chunk": chunk}.items():
            if number is not None and number < 1:
                raise ConfigError(f"routes.{name}: {number}. Expected 1 or more.")
        self.sample = sample
        self.chunk = chunk

    @abstractmethod
    def of(self, group: Domains, domains: Domains, evaluate: bool) -> Iterator[Route]:
        """Yields the routes of one group.

        Args:
            group: Domains that the rows have, sorted.
            domains: All domains of the workspace, sorted.
            evaluate: Whether this is not training.
        """

    def of_kind(
        self, kind: str, group: Domains, domains: Domains, evaluate: bool
    ) -> Sequence[Route]:
        """Returns the routes of one kind; a sequence that need not be in memory."""
        return [r for r in self.of(group, domains, evaluate) if r.kind == kind]

    def alone(
        self, group: Domains, domains: Domains, evaluate: bool
    ) -> Iterator[Route]:
        """Yields the routes from a single domain that end after one pass."""
        for route in self.of(group, domains, evaluate):
            if len(route.sources) == 1 and route.kind != CYCLES:
                yield route


class FusionRoutes(Routes):
    """From any non-empty subset of a group to each of its domains.

    A cycle goes through all domains outside the subset together.
    """

    def of(self, group: Domains, domains: Domains, evaluate: bool) -> Iterator[Route]:
        """Yields the routes of one group."""
        del evaluate
        for sources in subsets(group):
            for target in group:
                yield Route(_kind(sources, target), sources, target)
            yield from _cycle(sources, tuple(d for d in domains if d not in sources))

    def of_kind(
        self, kind: str, group: Domains, domains: Domains, evaluate: bool
    ) -> Sequence[Route]:
        """Returns the routes of one kind, each made when it is asked for."""
        del evaluate
        return _FusionRoutesOfKind(kind, group, domains)

    def alone(
        self, group: Domains, domains: Domains, evaluate: bool
    ) -> Iterator[Route]:
        """Yields the routes from a single domain that end after one pass."""
        del domains, evaluate
        for source in group:
            for target in group:
                yield Route(_kind((source,), target), (source,), target)


class SimpleRoutes(Routes):
    """Shimmer's routes for two domains, for any number.

    Rows with one domain take its demi-cycle, and a cycle through each other domain.
    Rows with several translate from all but one to that one. In evaluation, where rows
    are matched, each of their domains also counts as if it stood alone.
    """

    def of(self, group: Domains, domains: Domains, evaluate: bool) -> Iterator[Route]:
        """Yields the routes of one group."""
        if len(group) > 1:
            for target in group:
                sources = tuple(d for d in group if d != target)
                yield Route(TRANSLATIONS, sources, target)
        for domain in group if evaluate or len(group) == 1 else ():
            yield Route(DEMI_CYCLES, (domain,), domain)
            for other in domains:
                if other != domain:
                    yield from _cycle((domain,), (other,))


class BroadcastRoutes(Routes):
    """From all domains that a row has to every domain: what inference computes."""

    def of(self, group: Domains, domains: Domains, evaluate: bool) -> Iterator[Route]:
        """Yields the routes of one group."""
        del evaluate
        for target in domains:
            yield Route(BROADCAST, group, target)
        yield from _cycle(group, tuple(d for d in domains if d not in group))


def subsets(domains: Sequence[str]) -> Iterator[Domains]:
    """Yields the non-empty subsets, smaller ones first.

    Example:
        >>> list(subsets(("t", "v")))
        [('t',), ('v',), ('t', 'v')]
    """
    for size in range(1, len(domains) + 1):
        yield from combinations(domains, size)


def _kind(sources: Domains, target: str) -> str:
    if target not in sources:
        return TRANSLATIONS
    return DEMI_CYCLES if len(sources) == 1 else FUSED


def _cycle(sources: Domains, through: Domains) -> Iterator[Route]:
    for target in sources if through else ():
        yield Route(CYCLES, sources, target, through)


@dataclass(frozen=True)
class _FusionRoutesOfKind(Sequence[Route]):
    """Fusion routes of one kind: by target, then by the other sources, as bits."""

    kind: str
    group: Domains
    domains: Domains

    def __len__(self) -> int:
        count, others = len(self.group), 2 ** (len(self.group) - 1)
        if self.kind == DEMI_CYCLES:
            return count
        if self.kind == CYCLES:  # none from all domains: it could go through nothing
            return count * (others - (self.group == self.domains))
        return count * (others - 1)

    def __getitem__(self, index: int) -> Route:  # pyright: ignore[reportIncompatibleMethodOverride] - no slices
        if not 0 <= index < len(self):
            raise IndexError(index)
        # Each bit says whether one of the group's other domains is a source.
        bits, position = divmod(index, len(self.group))
        target = self.group[position]
        bits += self.kind in (TRANSLATIONS, FUSED)  # at least one other source
        rest = [domain for domain in self.group if domain != target]
        others = {domain for i, domain in enumerate(rest) if bits >> i & 1}
        own = set() if self.kind == TRANSLATIONS else {target}
        sources = tuple(d for d in self.group if d in others | own)
        is_cycle = self.kind == CYCLES
        through = tuple(d for d in self.domains if d not in sources) if is_cycle else ()
        return Route(self.kind, sources, target, through)
