"""Gives each batch its plan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from gwbricks.bricks import Stage
from gwbricks.bricks.stage import PREDICTED
from gwbricks.data import Group, Layout
from gwbricks.errors import ConfigError
from gwbricks.workspace.draft import Draft
from gwbricks.workspace.plan import Plan
from gwbricks.workspace.routes import (
    BroadcastRoutes,
    DEMI_CYCLES,
    FUSED,
    Routes,
    TRANSLATIONS,
)

CACHED = 64
"""Number of layouts whose plans are kept."""


class Planner:
    """Gives each batch its plan.

    In export, the plan of one group of rows does not depend on their number.

    Args:
        domains: Domains of the workspace.
        routes: Which routes a group takes.
        kinds: Kinds of losses that are trained; evaluation computes all routes that end
            after one pass, for metrics.
    """

    def __init__(
        self, domains: Sequence[str], routes: Routes, kinds: Sequence[str]
    ) -> None:
        self.domains = tuple(sorted(domains))
        self.routes = routes
        self.kinds = frozenset(kinds)
        self._plans: dict[tuple[object, ...], Plan] = {}

    def __call__(
        self, stage: Stage, layout: Layout | None, *columns: Tensor | None
    ) -> Plan:
        """Returns the plan of a batch.

        Args:
            stage: The stage; it decides which routes are computed.
            layout: The batch's layout; None if its domains are all matched.
            columns: The domains' data in sorted order; None where the batch has none.

        Raises:
            ConfigError: If there is no layout and the domains differ in their rows, or
                no row has a domain of the workspace.
        """
        known = {
            d: c for d, c in zip(self.domains, columns, strict=True) if c is not None
        }
        if layout is None:
            layout = _matched(known, is_export=stage is Stage.EXPORT)
        if stage is Stage.EXPORT and len(layout.groups) == 1:
            layout = Layout((replace(layout.groups[0], rows=1),))
        device = next((c.device for c in known.values() if isinstance(c, Tensor)), None)
        device = device or torch.get_default_device()
        key = (stage, layout, device)
        if key not in self._plans:
            if len(self._plans) >= CACHED:
                self._plans.pop(next(iter(self._plans)))
            self._plans[key] = self._build(stage, layout, device)
        return self._plans[key]

    def _build(self, stage: Stage, layout: Layout, device: torch.device) -> Plan:
        if not set(layout.columns) & set(self.domains):
            raise ConfigError(
                "batch: no row has a domain of the workspace"
                f" ({', '.join(self.domains)}). Fix: give data under these names."
            )
        if stage in PREDICTED:
            draft = Draft(self.domains, layout, BroadcastRoutes(), None, True)
            plan = draft.plan(device)
            is_any = stage is Stage.EXPORT and len(layout.groups) == 1
            return plan.for_any_rows() if is_any else plan
        evaluate = stage is not Stage.TRAIN
        extra = {DEMI_CYCLES, TRANSLATIONS, FUSED} if evaluate else set()
        kinds = self.kinds | extra
        return Draft(self.domains, layout, self.routes, kinds, evaluate).plan(device)


def _matched(columns: Mapping[str, Tensor], is_export: bool) -> Layout:
    rows = {name: column.shape[0] for name, column in columns.items()}
    first = next(iter(rows.values()), 0)
    if any(count != first for count in rows.values()):
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(rows.items()))
        raise ConfigError(
            f"batch: its domains differ in their rows ({listed}), and it has no layout."
            " Fix: give a Table, or a mapping of frozensets of domains to matched rows."
        )
    if not first:
        return Layout(())
    # A traced number of rows is a symbol, and stands for any.
    return Layout((Group(tuple(sorted(rows)), 1 if is_export else first),))
