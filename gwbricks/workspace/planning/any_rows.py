"""The plan of one row as that of any number of rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxtyping import Bool
from torch import Tensor

from gwbricks.workspace.planning.plan import Column, Plan, RowSet
from gwbricks.workspace.planning.routes import Domains


@dataclass(frozen=True, eq=False, kw_only=True)
class AnyRowSet(RowSet):
    """A row set whose one row stands for all rows of a batch, in order.

    Args:
        domains: Domains that are fused in every row.
    """

    domains: Domains

    def take_alone(self, columns: Mapping[str, Tensor]) -> Tensor | None:
        """Returns all rows if each is of one domain alone; else None."""
        return columns[self.domains[0]] if len(self.domains) == 1 else None

    def take(self, columns: Mapping[str, Tensor], domain: str) -> Tensor:
        """Returns a domain's rows; zeros if no row has it."""
        if domain in self.domains:
            return columns[domain]
        like = columns[domain if domain in columns else min(columns)]
        # A shape is a symbol in a trace, and len() would make it a number.
        return like.new_zeros(columns[self.domains[0]].shape[0], *like.shape[1:])

    def mask(self, rows: Tensor) -> Bool[Tensor, "rows domains"]:
        """Returns which domains are fused in each of the rows that were taken."""
        return self.present.expand(rows.shape[0], -1)


class AnyColumn(Column):
    """A column whose one row stands for all rows of a batch, in order."""

    def take(self, states: Tensor) -> Tensor:
        """Returns the states that are decoded."""
        return states

    def retake(self, broadcast: Tensor) -> Tensor:
        """Returns the decoded rows that are encoded again: all, or none."""
        _, stop = self.reencoded
        return broadcast if stop else broadcast[:0]


def for_any_rows(plan: Plan) -> Plan:
    """Returns the plan of any number of rows, of that of one row in one group.

    All rows are then fused, decoded and encoded again together and in order, so a graph
    that is traced with it does not depend on their number. An index tensor would be a
    constant of the trace.

    Args:
        plan: A plan of routes without targets.
    """
    (group,) = plan.groups
    others = tuple(domain for domain in plan.domains if domain not in group)
    return replace(
        plan,
        states=_any_row_set(plan.states, group),
        items=_any_row_set(plan.items, group),
        columns=_any_columns(plan.columns),
        restates=_any_row_set(plan.restates, others),
        recolumns=_any_columns(plan.recolumns),
    )


def _any_row_set(rows: RowSet, domains: Domains) -> RowSet:
    if not domains:  # no domain is left to go through: no row stays no row
        return rows
    return AnyRowSet(rows.count, rows.present, rows.index, domains=domains)


def _any_columns(columns: Mapping[str, Column]) -> dict[str, Column]:
    return {
        domain: AnyColumn(column.rows, column.targets, column.runs, column.reencoded)
        if len(column.rows)
        else column
        for domain, column in columns.items()
    }
