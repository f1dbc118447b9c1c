"""Routes: from which domains, through which, to which."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

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
    """Abstract: which routes the rows of a group take."""

    @abstractmethod
    def of(self, group: Domains, domains: Domains, evaluate: bool) -> Iterator[Route]:
        """Yields the routes of one group.

        Args:
            group: Domains that the rows have, sorted.
            domains: All domains of the workspace, sorted.
            evaluate: Whether this is not training.
        """


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
