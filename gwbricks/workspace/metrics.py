"""Metrics of a workspace: reconstruction, retrieval, and accuracy by domain."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from gwbricks.errors import UnknownNameError
from gwbricks.workspace.planning.plan import Plan
from gwbricks.workspace.planning.routes import DEMI_CYCLES, FUSED, TRANSLATIONS

CHUNK = 1024
"""Number of queries that are compared at once."""


class RouteReconstruction(Metric):
    """Mean squared error and R² of each route, in raw space.

    R² is one minus the squared error over the squared deviation from the mean, both
    summed over rows and features.

    Args:
        kinds: Kinds of routes to measure: `demi_cycles`, `translations` or `fused`.

    Raises:
        UnknownNameError: If a kind is none of these.
    """

    full_state_update = True

    def __init__(self, kinds: Sequence[str] = (DEMI_CYCLES, TRANSLATIONS)) -> None:
        super().__init__()
        self.kinds = tuple(kinds)
        measured = (DEMI_CYCLES, TRANSLATIONS, FUSED)
        for kind in self.kinds:
            if kind not in measured:
                raise UnknownNameError("kinds", kind, measured)

    def update(
        self, raw: Mapping[str, Tensor], raw_target: Mapping[str, Tensor], plan: Plan
    ) -> None:
        """Adds a batch.

        Args:
            raw: Decoded raw data of each domain.
            raw_target: What their first rows are to match.
            plan: The batch's plan.
        """
        for domain, target in sorted(raw_target.items()):
            for run in plan.columns[domain].runs:
                if run.kind in self.kinds:
                    rows = slice(run.start, run.stop)
                    self._add(
                        run.route, raw[domain][rows].flatten(1), target[rows].flatten(1)
                    )

    def _add(self, route: str, pred: Tensor, target: Tensor) -> None:
        # States are added as routes are met: which there are depends on the batches.
        if f"rows:{route}" not in self.metric_state:
            empty = torch.zeros(target.shape[1], dtype=torch.float64)
            for name in ("error", "sum", "square"):
                self.add_state(f"{name}:{route}", empty.clone(), dist_reduce_fx="sum")
                # What is added after the metric was moved would stay on the CPU.
                setattr(self, f"{name}:{route}", empty.to(target.device))
            self.add_state(f"rows:{route}", torch.tensor(0), dist_reduce_fx="sum")
        # The deviation is a difference of large sums; single precision would lose it.
        pred, target = pred.double(), target.double()
        _increase(self, f"error:{route}", (pred - target).square().sum(0))
        _increase(self, f"sum:{route}", target.sum(0))
        _increase(self, f"square:{route}", target.square().sum(0))
        _increase(self, f"rows:{route}", len(target))

    def compute(self) -> dict[str, Tensor]:
        """Returns `mse/ROUTE` and `r2/ROUTE`."""
        values = {}
        for route in _named(self, "rows"):
            rows = getattr(self, f"rows:{route}")
            if not rows:
                continue
            error = getattr(self, f"error:{route}")
            mean = getattr(self, f"sum:{route}") / rows
            deviation = getattr(self, f"square:{route}") - rows * mean.square()
            values[f"mse/{route}"] = (error.mean() / rows).float()
            values[f"r2/{route}"] = (1 - error.sum() / deviation.sum()).float()
        return values


class RetrievalRecall(Metric):
    """Recall@k between every ordered pair of domains, in the workspace.

    The state of an item from one domain is the query; the states of all items from the
    other are ranked by cosine similarity. A tie counts against the item, so collapsed
    states score 0.

    Args:
        ks: Ranks up to which an item counts as found.
    """

    full_state_update = True

    def __init__(self, ks: Sequence[int] = (1, 5)) -> None:
        super().__init__()
        self.ks = tuple(ks)

    def update(self, states: Mapping[str, Tensor], plan: Plan) -> None:
        """Adds a batch.

        Args:
            states: States of each domain alone, one row for each item that has it.
            plan: The batch's plan.
        """
        for pair in plan.pairs:
            name = f"{pair.first}:{pair.second}"
            if f"0:{name}" not in self.metric_state:
                for side in (0, 1):
                    self.add_state(f"{side}:{name}", [], dist_reduce_fx="cat")
            starts = (pair.first_start, pair.second_start)
            domains = (pair.first, pair.second)
            for side, (domain, start) in enumerate(zip(domains, starts, strict=True)):
                rows = states[domain][start : start + pair.rows]
                getattr(self, f"{side}:{name}").append(F.normalize(rows, dim=-1))

    def compute(self) -> dict[str, Tensor]:
        """Returns `recall@K/QUERY-to-TARGET`."""
        values = {}
        for pair in _named(self, "0"):
            sides = [_cat(getattr(self, f"{side}:{pair}")) for side in (0, 1)]
            if not len(sides[0]):
                continue
            domains = pair.split(":")
            for query, target in ((0, 1), (1, 0)):
                ranks = _ranks(sides[query], sides[target])
                for k in self.ks:
                    name = f"recall@{k}/{domains[query]}-to-{domains[target]}"
                    values[name] = (ranks < k).float().mean()
        return values


class DomainAccuracy(Metric):
    """Accuracy of a classifier, from each domain's state alone."""

    full_state_update = True

    def update(self, logits: Mapping[str, Tensor], label: Tensor, plan: Plan) -> None:
        """Adds a batch.

        Args:
            logits: Logits by domain, one row for each item that has it.
            label: Class of each item, of shape `(items,)`.
            plan: The batch's plan.
        """
        for name in sorted(logits):
            if f"count:{name}" not in self.metric_state:
                for state in ("correct", "count"):
                    self.add_state(
                        f"{state}:{name}", torch.tensor(0), dist_reduce_fx="sum"
                    )
            target = label[plan.has_domain(name)]
            correct = (logits[name].argmax(dim=1) == target).sum()
            _increase(self, f"correct:{name}", correct)
            _increase(self, f"count:{name}", len(target))

    def compute(self) -> dict[str, Tensor]:
        """Returns `accuracy/DOMAIN`."""
        return {
            f"accuracy/{name}": getattr(self, f"correct:{name}")
            / getattr(self, f"count:{name}")
            for name in _named(self, "count")
            if getattr(self, f"count:{name}")
        }


class Matches(NamedTuple):
    """The items of a gallery that are most like each query, the best first.

    `indices` and the cosine `similarities` have the shape `(queries, k)`.
    """

    indices: Any
    similarities: Any


def most_similar(queries: Tensor, gallery: Tensor, k: int) -> Matches:
    """Returns the `k` rows of a gallery that are most like each query, best first.

    States are compared as in `RetrievalRecall`.

    Args:
        queries: States of shape `(queries, dim)`.
        gallery: States of shape `(items, dim)`, at least `k`.
        k: Number of rows that are wanted.

    Example:
        >>> most_similar(torch.tensor([[2.0, 0.0]]), torch.eye(2), k=1)
        Matches(indices=tensor([[0]]), similarities=tensor([[1.]]))
    """
    queries, gallery = F.normalize(queries, dim=-1), F.normalize(gallery, dim=-1)
    found = [(chunk @ gallery.T).topk(k, dim=1) for chunk in queries.split(CHUNK)]
    return Matches(
        torch.cat([best.indices for best in found]),
        torch.cat([best.values for best in found]),
    )


def _increase(metric: Metric, state: str, value: Tensor | int) -> None:
    setattr(metric, state, getattr(metric, state) + value)


def _named(metric: Metric, kind: str) -> list[str]:
    """Returns what there are states of a kind of."""
    states = sorted(metric.metric_state)
    return [s.partition(":")[2] for s in states if s.startswith(f"{kind}:")]


def _cat(rows: list[Tensor] | Tensor) -> Tensor:
    if isinstance(rows, Tensor):
        return rows
    return torch.cat(rows) if rows else torch.zeros(0)


def _ranks(queries: Tensor, targets: Tensor) -> Tensor:
    ranks = []
    for start in range(0, len(queries), CHUNK):
        scores = queries[start : start + CHUNK] @ targets.T
        own = scores.diagonal(start).unsqueeze(1)
        # The item is at least as similar as itself: it is not to count against itself.
        ranks.append((scores >= own).sum(dim=1) - 1)
    return torch.cat(ranks)
