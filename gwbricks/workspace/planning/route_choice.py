"""The routes that a batch takes: all of them, or some that are drawn."""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from gwbricks.data import Group
from gwbricks.workspace.planning.routes import (
    CONTRASTIVES,
    DEMI_CYCLES,
    Domains,
    FUSED,
    KINDS,
    Route,
    Routes,
    TRANSLATIONS,
)
from gwbricks.workspace.planning.terms import Term

MEASURED = (DEMI_CYCLES, TRANSLATIONS, FUSED)
"""Kinds of routes that end after one pass, and can be measured in raw space."""

RouteCoefs = Mapping[tuple[str, str], float | None]
"""Coefficients of single routes, by kind and name."""


@dataclass(frozen=True)
class RouteChoice:
    """A route that the rows of a group take.

    Args:
        group: The rows.
        route: The route.
        term: Its part of the loss of its kind; None if there is nothing to compare.
    """

    group: Group
    route: Route
    term: Term | None = None


@dataclass
class RouteChoices:
    """The routes of a batch.

    Args:
        taken: Those that are computed.
        counted: What each kind is the mean of; some need not be computed, and some that
            are computed for metrics do not count.
    """

    taken: list[RouteChoice] = field(default_factory=list)
    counted: list[Term] = field(default_factory=list)

    def chunks(self, size: int) -> "list[RouteChoices]":
        """Splits what is computed into parts of about `size` routes.

        Routes with the same sources stay together: they share their states.
        """
        blocks: dict[Domains, list[RouteChoice]] = {}
        for choice in self.taken:
            blocks.setdefault(choice.route.sources, []).append(choice)
        parts: list[list[RouteChoice]] = [[]]
        for block in blocks.values():
            if parts[-1] and len(parts[-1]) + len(block) > size:
                parts.append([])
            parts[-1] += block
        return [RouteChoices(part, self.counted) for part in parts]


@dataclass(frozen=True)
class RouteChooser:
    """Chooses the routes of a batch.

    Args:
        domains: Domains of the workspace, sorted.
        routes: Which routes a group takes.
        coefs: Coefficients of single routes: null for one that is not computed, 0 for
            one that is, but does not count. Others count as 1.
    """

    domains: Domains
    routes: Routes
    coefs: RouteCoefs = field(default_factory=dict)

    def choose(
        self, groups: Mapping[Group, Domains], kinds: Collection[str], evaluate: bool
    ) -> RouteChoices:
        """Returns the routes of a batch.

        Evaluation also computes routes that end after one pass for metrics: those of
        all kinds, or of a sample, those from one domain.

        Args:
            groups: Domains of the workspace that the rows of each group have.
            kinds: Kinds that have a loss.
            evaluate: Whether this is not training.
        """
        choices = RouteChoices()
        if self.routes.sample is None:
            wanted = {*kinds, *MEASURED} if evaluate else {*kinds}
            found = self._all(groups, wanted, evaluate)
        else:
            found = self._draw(groups, kinds, self.routes.sample, evaluate)
        for group, route in found:
            coef = self.coefs.get((route.kind, route.name), 1.0)
            # One without a coefficient counts, too: switching it off is not to change
            # the weight of the others.
            term = _term(groups[group], route, coef)
            choices.counted.append(term)
            if coef is not None or (evaluate and route.kind in MEASURED):
                choices.taken.append(RouteChoice(group, route, term))
        if self.routes.sample is not None and evaluate:
            self._add_alone(choices, groups)
        return choices

    def _add_alone(
        self, choices: RouteChoices, groups: Mapping[Group, Domains]
    ) -> None:
        known = {(choice.group, choice.route) for choice in choices.taken}
        for group, names in groups.items():
            for route in self.routes.alone(names, self.domains, evaluate=True):
                if (group, route) not in known:
                    term = _term(names, route, None)
                    choices.taken.append(RouteChoice(group, route, term))

    def _all(
        self, groups: Mapping[Group, Domains], kinds: Collection[str], evaluate: bool
    ) -> Iterator[tuple[Group, Route]]:
        for group, names in groups.items():
            for route in self.routes.of(names, self.domains, evaluate):
                if route.kind in kinds:
                    yield group, route

    def _draw(
        self,
        groups: Mapping[Group, Domains],
        kinds: Collection[str],
        sample: int,
        evaluate: bool,
    ) -> Iterator[tuple[Group, Route]]:
        lists = {
            kind: [
                (group, self.routes.of_kind(kind, names, self.domains, evaluate))
                for group, names in groups.items()
            ]
            for kind in KINDS
            if kind in kinds and kind != CONTRASTIVES
        }
        totals = {k: sum(len(routes) for _, routes in lists[k]) for k in lists}
        seed = int(torch.randint(2**62, ()))  # torch's generator is seeded each epoch
        generator = random.Random(seed)
        for kind, count in _share(sample, totals).items():
            # Numbers are drawn, and routes made of these alone: there may be millions.
            # Sorted, they come in the order that they have among all.
            for index in sorted(generator.sample(range(totals[kind]), count)):
                yield _find(lists[kind], index)


def _term(names: Domains, route: Route, coef: float | None) -> Term:
    return Term(route.kind, route.name, route.target, names, coef)


def _share(sample: int, totals: Mapping[str, int]) -> dict[str, int]:
    """Shares a sample out between kinds: the same for each, but no more than it has.

    Each kind that has a route gets at least one.

    Example:
        >>> _share(10, {"demi_cycles": 2, "translations": 50, "cycles": 50})
        {'demi_cycles': 2, 'translations': 4, 'cycles': 4}
    """
    shares = {}
    left = [kind for kind in totals if totals[kind]]
    # The smallest first: what it does not need is left to the others.
    for position, kind in enumerate(sorted(left, key=totals.__getitem__)):
        mean = (sample - sum(shares.values())) // (len(left) - position)
        shares[kind] = max(1, min(totals[kind], mean))
    return {kind: shares[kind] for kind in totals if kind in shares}


def _find(
    lists: Sequence[tuple[Group, Sequence[Route]]], index: int
) -> tuple[Group, Route]:
    for group, routes in lists:
        if index < len(routes):
            return group, routes[index]
        index -= len(routes)
    raise IndexError(index)
