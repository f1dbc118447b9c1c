"""Errors of one domain's predictions, for all routes that end in it."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gwbricks.bricks import LossOutput
from gwbricks.domains import DomainModule
from gwbricks.errors import ConfigError
from gwbricks.workspace.graph.loss_rehearsal import rehearse
from gwbricks.workspace.graph.route_means import RowErrors
from gwbricks.workspace.planning.plan import Column, Plan, RouteRows, some_rows

Hook = Callable[..., LossOutput | None]

HOOKS = {
    "demi_cycles": ("compute_demi_cycle_loss", "compute_dcy_loss"),
    "cycles": ("compute_cycle_loss", "compute_cy_loss"),
    "translations": ("compute_translation_loss", "compute_tr_loss"),
    "fused": ("compute_fused_loss",),
}
"""Methods by which a domain may compute one kind of loss in its own way."""


class RouteErrors:
    """Compares what a domain decoded with its true latents.

    All rows are compared in one call of the domain's loss, unless it computes a kind in
    its own way: then there is one call a kind. A scalar, as loss or as metric, is of
    one route: then there is one call a route. Which of the two it is, a copy
    of the domain tells before the first call. Targets get no gradient.

    Args:
        name: Name of the domain.
        module: The domain.
        cycles: Whether the predictions are those of cycles.

    Raises:
        ConfigError: If the loss returns neither a scalar nor one value a row.
    """

    def __init__(self, name: str, module: DomainModule, cycles: bool = False) -> None:
        self.name = name
        self.module = module
        self.cycles = cycles
        self._hooks = {kind: _find_hook(module, kind) for kind in HOOKS}
        self._own = {k for k, h in self._hooks.items() if h != module.compute_loss}
        self._takes_raw = {hook: _takes_raw(hook) for hook in self._hooks.values()}
        self._by_row: dict[Hook, bool] = {}

    def __call__(
        self,
        pred: Tensor,
        latent: Tensor,
        plan: Plan,
        raw: Any = None,  # noqa: ANN401 - raw data of any type
    ) -> RowErrors:
        """Returns the error of each row that has a target.

        Args:
            pred: Decoded latents; rows with a target come first.
            latent: True latents.
            plan: The batch's plan.
            raw: The raw data that `latent` encodes, if a loss `takes_raw`.
        """
        column = (plan.recolumns if self.cycles else plan.columns)[self.name]
        rows = _Compared(pred, latent, raw, column)
        values, off = [], []
        metrics: dict[tuple[str, str], list[Tensor]] = {}
        for kinds, runs in self._calls(column):
            outputs = self._compare(self._hooks[kinds[0]], rows, runs)
            if outputs is None:
                off += kinds
                outputs = [(runs, LossOutput(pred.new_zeros(())))]
            for compared, output in outputs:
                loss = output.loss
                values.append(loss if loss.ndim else loss.expand(_count(compared)))
                if output.metrics:
                    for key, value in _by_route(output, compared):
                        metrics.setdefault(key, []).append(value)
        means = {key: torch.stack(found).mean() for key, found in metrics.items()}
        # One tensor is not copied; where there is none, the errors are of no row.
        errors = (
            values[0] if len(values) == 1 else torch.cat([pred.new_zeros(0), *values])
        )
        return RowErrors(errors, tuple(off), means)

    def _calls(
        self, column: Column
    ) -> list[tuple[tuple[str, ...], tuple[RouteRows, ...]]]:
        """Returns kinds that share a hook, each time with the rows of their routes."""
        kinds = column.kinds
        # Rows are sorted by kind, so both all of them and those of a kind are a slice.
        if self._own.isdisjoint(kinds):
            return [(tuple(kinds), column.runs)] if kinds else []
        return [((kind,), runs) for kind, runs in kinds.items()]

    def _compare(
        self, hook: Hook, rows: "_Compared", runs: tuple[RouteRows, ...]
    ) -> list[tuple[tuple[RouteRows, ...], LossOutput]] | None:
        """Returns the output of each call of a hook, with the routes it was given.

        None if the loss is switched off.
        """
        if hook not in self._by_row:
            # Called itself, it might draw numbers, or count its calls: the first batch
            # would not be computed as later ones are.
            output = rehearse(hook, self.module, self._args(hook, rows, runs))
            self._by_row[hook] = _is_by_row(output)
        if self._by_row[hook] or len(runs) == 1:
            output = self._call(hook, rows, runs)
            if output is None:
                return None
            if len(runs) == 1 or _is_by_row(output):
                return [(runs, output)]
            self._by_row[hook] = False  # it could not be rehearsed, or was switched on
        outputs = [((run,), self._call(hook, rows, (run,))) for run in runs]
        found = [(part, output) for part, output in outputs if output is not None]
        return found if len(found) == len(runs) else None

    def _args(
        self, hook: Hook, rows: "_Compared", runs: tuple[RouteRows, ...]
    ) -> list[Any]:
        return rows.between(runs[0].start, runs[-1].stop, self._takes_raw[hook])

    def _call(
        self, hook: Hook, rows: "_Compared", runs: tuple[RouteRows, ...]
    ) -> LossOutput | None:
        output = hook(*self._args(hook, rows, runs))
        if output is None:
            return None
        count = _count(runs)
        for name, value in output.all.items():
            if value.shape not in ((), (count,)):
                what = "loss" if name == "loss" else f"metric {name!r}"
                raise ConfigError(
                    f"domains.{self.name}: {type(self.module).__name__}'s {what} has"
                    f" shape {tuple(value.shape)} for {count} rows. Expected one value"
                    " a row, or a scalar. Fix: average over the features of each row."
                )
        return output


class _Compared(NamedTuple):
    """What is compared, and with what."""

    pred: Tensor
    latent: Tensor
    raw: Any
    column: Column

    def between(self, start: int, stop: int, with_raw: bool) -> list[Any]:
        """Returns the arguments of a loss for some of the rows."""
        pred = some_rows(self.pred, start, stop)
        # Detached: a trained domain could else lower the loss by simpler latents.
        args = [pred, self.column.true(self.latent.detach(), start, stop)]
        if not with_raw:
            return args
        is_tensor = isinstance(self.raw, Tensor)
        raw = self.column.true(self.raw, start, stop) if is_tensor else self.raw
        return [*args, raw]


def takes_raw(module: DomainModule) -> bool:
    """Whether a loss of the domain compares with raw data, not with latents alone."""
    return any(_takes_raw(_find_hook(module, kind)) for kind in HOOKS)


def _find_hook(module: DomainModule, kind: str) -> Hook:
    names = (name for name in HOOKS[kind] if hasattr(module, name))
    return getattr(module, next(names, "compute_loss"))


def _is_by_row(output: LossOutput | None) -> bool:
    """Whether nothing is a scalar; as long as a loss is switched off, it may be so."""
    return output is None or all(value.ndim for value in output.all.values())


def _count(runs: tuple[RouteRows, ...]) -> int:
    return runs[-1].stop - runs[0].start


def _by_route(
    output: LossOutput, runs: tuple[RouteRows, ...]
) -> list[tuple[tuple[str, str], Tensor]]:
    """Returns the means of metrics in each run, with the run's kind and a name."""
    first = runs[0].start
    return [
        (
            (run.kind, f"{run.route}/{name}"),
            (value[run.start - first : run.stop - first] if value.ndim else value)
            .detach()
            .float()
            .mean(),
        )
        for name, value in output.metrics.items()
        for run in runs
    ]


def _takes_raw(hook: Callable[..., Any]) -> bool:
    parameters = inspect.signature(hook).parameters.values()
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    return sum(p.kind in positional for p in parameters) > 2 or any(
        p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters
    )
