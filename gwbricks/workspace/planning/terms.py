"""The terms of a kind of loss: one for every group, sources and target."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Term:
    """One route's loss: the mean over the rows of one group.

    Args:
        kind: Kind of loss, such as `translations`.
        route: Name of the route, such as `v-to-t`.
        target: Domain whose latents are compared.
        group: Domains that the rows have.
        coef: Its coefficient within the kind; None if it does not count.
    """

    kind: str
    route: str
    target: str
    group: tuple[str, ...]
    coef: float | None = 1.0


class Terms:
    """Which rows of the errors belong to which term, and how terms are averaged.

    Every term counts once in its kind, whatever its number of rows, times its
    coefficient; a coefficient changes nothing of the others.

    Args:
        terms: The terms, without repetition.
        row_terms: Index of the term of each row of each domain's errors.
        device: Where the errors are.
        counted: The terms that a kind is the mean of, if they are not all here: those
            of other chunks, and those with no coefficient.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        row_terms: dict[str, Int[Tensor, " rows"]],
        device: torch.device,
        counted: Sequence[Term] | None = None,
    ) -> None:
        self.terms = tuple(terms)
        self.counted = tuple(dict.fromkeys(self.terms if counted is None else counted))
        self.row_terms = {name: rows.to(device) for name, rows in row_terms.items()}
        self.device = device
        self._averages: dict[tuple[tuple[str, str], ...], Averages] = {}

    @cached_property
    def index(self) -> Int[Tensor, " rows"]:
        """Term of each row, domain after domain in sorted order."""
        return torch.cat([self.row_terms[name] for name in sorted(self.row_terms)])

    @cached_property
    def scale(self) -> Float[Tensor, " terms"]:
        """One over the number of rows of each term."""
        return 1.0 / self.index.bincount(minlength=len(self.terms)).clamp(min=1).float()

    def means(self, errors: Float[Tensor, " rows"]) -> Float[Tensor, " terms"]:
        """Returns the mean of each term's rows."""
        sums = errors.new_zeros(len(self.terms)).index_add(0, self.index, errors)
        return sums * self.scale.to(errors.dtype)

    def averages(self, off: tuple[tuple[str, str], ...]) -> "Averages":
        """Returns how terms become kinds and routes.

        Args:
            off: Kinds and targets whose loss a domain has switched off.
        """
        if off not in self._averages:
            self._averages[off] = Averages.of(self, off)
        return self._averages[off]


@dataclass(frozen=True, eq=False)
class Averages:
    """Matrices that turn errors of rows into losses of kinds, and means into routes'.

    A mean of means is linear, so one product computes all of them however many terms
    there are. The losses of kinds are trained on: they are made of the rows directly,
    so that their gradient is one product, too. Those of routes are only logged.

    Args:
        kinds: Names of the kinds.
        routes: Kind and name of each route.
        of_kinds: Weight of each row's error in each kind.
        of_routes: Weight of each term's mean in each route.
    """

    kinds: tuple[str, ...]
    routes: tuple[tuple[str, str], ...]
    of_kinds: Float[Tensor, "kinds rows"]
    of_routes: Float[Tensor, "routes terms"]

    @classmethod
    def of(cls, terms: Terms, off: tuple[tuple[str, str], ...]) -> "Averages":
        """Builds the matrices for the terms that are not switched off."""
        # Of all that count, here or in another chunk, so that chunks sum to the mean.
        counts = Counter(t.kind for t in terms.counted if (t.kind, t.target) not in off)
        used = [
            (column, term.kind, term.route, term.coef)
            for column, term in enumerate(terms.terms)
            if term.coef is not None and (term.kind, term.target) not in off
        ]
        of_route = Counter((kind, route) for _, kind, route, _ in used)
        routes = {name: row for row, name in enumerate(of_route)}
        kinds = {k: row for row, k in enumerate(dict.fromkeys(k for k, _ in routes))}
        of_kinds = torch.zeros(len(kinds), len(terms.terms))
        of_routes = torch.zeros(len(routes), len(terms.terms))
        for column, kind, route, coef in used:
            of_kinds[kinds[kind], column] = coef / counts[kind]
            of_routes[routes[kind, route], column] = 1 / of_route[kind, route]
        by_row = (of_kinds.to(terms.device) * terms.scale).index_select(1, terms.index)
        return cls(tuple(kinds), tuple(routes), by_row, of_routes.to(terms.device))
