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
            self._averages[off] = Averages.of(
                self.terms, self.counted, off, self.device
            )
        return self._averages[off]


@dataclass(frozen=True, eq=False)
class Averages:
    """A matrix that turns means of terms into losses of kinds and of routes.

    Args:
        kinds: Names of the kinds.
        routes: Kind and name of each route.
        weights: One row for each kind, then for each route, in the same order.
    """

    kinds: tuple[str, ...]
    routes: tuple[tuple[str, str], ...]
    weights: Float[Tensor, "values terms"]

    @classmethod
    def of(
        cls,
        terms: Sequence[Term],
        counted: Sequence[Term],
        off: tuple[tuple[str, str], ...],
        device: torch.device,
    ) -> "Averages":
        """Builds the matrix for the terms that are not switched off."""
        counts = Counter(t.kind for t in counted if (t.kind, t.target) not in off)
        coefs = [
            t.coef if t.coef is not None and (t.kind, t.target) not in off else None
            for t in terms
        ]
        used = [t for t, coef in zip(terms, coefs, strict=True) if coef is not None]
        kinds = {kind: i for i, kind in enumerate(dict.fromkeys(t.kind for t in used))}
        names = dict.fromkeys((t.kind, t.route) for t in used)
        routes = {name: len(kinds) + i for i, name in enumerate(names)}
        of_route = Counter((t.kind, t.route) for t in used)
        weights = torch.zeros(len(kinds) + len(routes), len(terms))
        for column, (term, coef) in enumerate(zip(terms, coefs, strict=True)):
            if coef is not None:
                name = (term.kind, term.route)
                weights[kinds[term.kind], column] = coef / counts[term.kind]
                weights[routes[name], column] = 1 / of_route[name]
        return cls(tuple(kinds), tuple(routes), weights.to(device))
