"""From errors of rows to losses of routes and of kinds."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import nn, Tensor

from gwbricks.bricks import LossOutput
from gwbricks.workspace.planning.plan import Plan
from gwbricks.workspace.planning.terms import Terms


class RowErrors(NamedTuple):
    """The errors of one domain's predictions.

    Args:
        values: One error a row, of shape `(rows,)`.
        off: Kinds whose loss the domain has switched off; their rows do not count.
        metrics: What the domain's losses say beside their value, by kind and by name,
            such as `v-to-t/accuracy`.
    """

    values: Tensor
    off: tuple[str, ...] = ()
    metrics: Mapping[tuple[str, str], Tensor] = MappingProxyType({})


class RouteMeans(nn.Module):
    """Averages the errors of each route's rows, then the routes of each kind.

    Args:
        kinds: Kinds to return, in this order.
        cycles: Whether the errors are those of cycles.
    """

    def __init__(self, kinds: Sequence[str], cycles: bool = False) -> None:
        super().__init__()
        self.kinds = tuple(kinds)
        self.cycles = cycles

    def forward(
        self, errors: Mapping[str, RowErrors], plan: Plan
    ) -> tuple[LossOutput | None, ...] | LossOutput | None:
        """Returns the loss of each kind, with its routes; None if it has no route."""
        terms = plan.cycle_terms if self.cycles else plan.terms
        losses = kind_losses({d: errors[d] for d in sorted(terms.row_terms)}, terms)
        if len(self.kinds) == 1:
            return losses.get(self.kinds[0])
        return tuple(losses.get(kind) for kind in self.kinds)


def kind_losses(errors: Mapping[str, RowErrors], terms: Terms) -> dict[str, LossOutput]:
    """Returns the loss of each kind, with the means of its routes as metrics.

    Args:
        errors: Errors of each domain that the terms have rows of.
        terms: Which rows belong to which term.
    """
    if not errors:
        return {}
    off = tuple((kind, d) for d in sorted(errors) for kind in sorted(errors[d].off))
    averages = terms.averages(off)
    values = torch.cat([errors[domain].values for domain in sorted(errors)])
    of_kinds = (averages.of_kinds.to(values.dtype) @ values).unbind()
    # Routes are logged, not trained on: no graph is kept for them.
    means = terms.means(values.detach())
    of_routes = (averages.of_routes.to(values.dtype) @ means).unbind()
    pairs = zip(averages.kinds, of_kinds, strict=True)
    losses = {kind: LossOutput(value) for kind, value in pairs}
    for (kind, route), value in zip(averages.routes, of_routes, strict=True):
        losses[kind].metrics[route] = value
    for found in errors.values():
        for (kind, name), value in found.metrics.items():
            # A route that does not count has no loss to stand beside.
            if (kind, name.split("/")[0]) in averages.routes:
                losses[kind].metrics[name] = value
    return losses
