"""Gives each batch its plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import torch
from torch import nn, Tensor

from gwbricks.bricks import Stage
from gwbricks.bricks.stage import EVALUATED, PREDICTED
from gwbricks.data import Group, Layout
from gwbricks.errors import ConfigError
from gwbricks.workspace.planning.any_rows import for_any_rows
from gwbricks.workspace.planning.plan import Plan
from gwbricks.workspace.planning.plan_builder import known_groups, PlanBuilder
from gwbricks.workspace.planning.route_choice import (
    RouteChoice,
    RouteChoices,
    RouteChooser,
    RouteCoefs,
)
from gwbricks.workspace.planning.routes import BroadcastRoutes, Domains, Routes

CACHED = 64
"""Number of layouts whose plans are kept."""


class Planner:
    """Gives each batch its plan.

    In export, the plan of one group of rows does not depend on their number.

    Args:
        domains: Domains of the workspace.
        routes: Which routes a group takes.
        kinds: Kinds of losses that are trained.
        coefs: See `RouteChooser`.
        modules: Modules on whose device plans are, where a batch has no raw data.
    """

    def __init__(
        self,
        domains: Sequence[str],
        routes: Routes,
        kinds: Sequence[str],
        coefs: RouteCoefs | None = None,
        modules: Sequence[nn.Module] = (),
    ) -> None:
        self.domains = tuple(sorted(domains))
        self.routes = routes
        self.kinds = tuple(kinds)
        self._chooser = RouteChooser(self.domains, routes, coefs or {})
        self._modules = tuple(modules)
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
            # The number of rows may be a symbol; a plan of one row is made to fit any.
            layout = Layout((replace(layout.groups[0], rows=1),))
        device = self._device(known.values())
        if self.routes.sample is not None and stage in EVALUATED:
            # Routes are drawn anew for each batch.
            return self._build(stage, layout, device)
        key = (stage, layout, device)
        if key not in self._plans:
            # The oldest goes: layouts that come once, such as that of a last batch,
            # would otherwise fill the memory.
            if len(self._plans) >= CACHED:
                self._plans.pop(next(iter(self._plans)))
            self._plans[key] = self._build(stage, layout, device)
        return self._plans[key]

    def _device(self, columns: Iterable[object]) -> torch.device:
        weights = (p for module in self._modules for p in module.parameters())
        tensors = (c for c in columns if isinstance(c, Tensor))
        found = next(chain(tensors, weights), None)
        return torch.get_default_device() if found is None else found.device

    def _build(self, stage: Stage, layout: Layout, device: torch.device) -> Plan:
        groups = known_groups(layout, self.domains)
        if not groups:
            raise ConfigError(
                "batch: no row has a domain of the workspace"
                f" ({', '.join(self.domains)}). Fix: give data under these names."
            )
        if stage in PREDICTED:
            choices = self._broadcast(groups)
            plan = PlanBuilder(self.domains, layout, choices).plan(device)
            is_any = stage is Stage.EXPORT and len(layout.groups) == 1
            return for_any_rows(plan) if is_any else plan
        choices = self._chooser.choose(groups, self.kinds, stage is not Stage.TRAIN)
        if stage is not Stage.TRAIN or self.routes.chunk is None:
            return PlanBuilder(self.domains, layout, choices).plan(device)
        chunks = tuple(
            PlanBuilder(self.domains, layout, part).plan(device)
            for part in choices.chunks(self.routes.chunk)
        )
        plan = PlanBuilder(self.domains, layout, RouteChoices()).plan(device)
        return replace(plan, chunks=chunks)

    def _broadcast(self, groups: Mapping[Group, Domains]) -> RouteChoices:
        routes = BroadcastRoutes()
        return RouteChoices(
            [
                RouteChoice(group, route)
                for group, names in groups.items()
                for route in routes.of(names, self.domains, True)
            ]
        )


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
