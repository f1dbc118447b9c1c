"""Errors of one domain's predictions, for all routes that end in it."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gwbricks.bricks import LossOutput
from gwbricks.domains import DomainModule
from gwbricks.errors import ConfigError
from gwbricks.losses import RowErrors
from gwbricks.workspace.plan import Column, Plan

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
    its own way, or returns a scalar: then there is one call a kind, or a route. Targets
    get no gradient.

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
        self._returns_scalar: dict[Callable[..., Any], bool] = {}

    def __call__(self, pred: Tensor, latent: Tensor, raw: Any, plan: Plan) -> RowErrors:  # noqa: ANN401 - raw data of any type
        """Returns the error of each row that has a target.

        Args:
            pred: Decoded latents; rows with a target come first.
            latent: True latents.
            raw: The raw data that `latent` encodes.
            plan: The batch's plan.
        """
        column = (plan.recolumns if self.cycles else plan.columns)[self.name]
        values, off = [], []
        for kinds, start, stop in self._calls(column):
            found = self._compare(kinds[0], pred, latent, raw, column, start, stop)
            if found is None:
                off += kinds
                found = pred.new_zeros(stop - start)
            values.append(found)
        if not values:
            return RowErrors(pred.new_zeros(0))
        return RowErrors(
            values[0] if len(values) == 1 else torch.cat(values), tuple(off)
        )

    def _calls(self, column: Column) -> list[tuple[tuple[str, ...], int, int]]:
        kinds = column.kinds()
        if all(self._hook(kind) == self.module.compute_loss for kind in kinds):
            return [(tuple(kinds), 0, len(column.targets))] if kinds else []
        return [((kind,), start, stop) for kind, (start, stop) in kinds.items()]

    def _hook(self, kind: str) -> Callable[..., LossOutput | None]:
        for name in HOOKS[kind]:
            if hasattr(self.module, name):
                return getattr(self.module, name)
        return self.module.compute_loss

    def _compare(
        self,
        kind: str,
        pred: Tensor,
        latent: Tensor,
        raw: Any,  # noqa: ANN401 - raw data of any type
        column: Column,
        start: int,
        stop: int,
    ) -> Tensor | None:
        hook = self._hook(kind)
        if not self._returns_scalar.get(hook, False):
            error = self._call(hook, pred, latent, raw, column, start, stop)
            if error is None or error.ndim == 1:
                return error
            self._returns_scalar[hook] = True
        runs = [run for run in column.runs if start <= run.start and run.stop <= stop]
        parts = [
            self._call(hook, pred, latent, raw, column, r.start, r.stop) for r in runs
        ]
        expanded = [
            part.expand(run.stop - run.start)
            for part, run in zip(parts, runs, strict=True)
            if part is not None
        ]
        return torch.cat(expanded) if len(expanded) == len(runs) else None

    def _call(
        self,
        hook: Callable[..., LossOutput | None],
        pred: Tensor,
        latent: Tensor,
        raw: Any,  # noqa: ANN401 - raw data of any type
        column: Column,
        start: int,
        stop: int,
    ) -> Tensor | None:
        rows = column.targets[start:stop]
        args = [pred[start:stop], latent.index_select(0, rows).detach()]
        if _takes_raw(hook):
            args.append(raw.index_select(0, rows) if isinstance(raw, Tensor) else raw)
        output = hook(*args)
        if output is None:
            return None
        if output.loss.ndim > 1 or (
            output.loss.ndim == 1 and len(output.loss) != stop - start
        ):
            raise ConfigError(
                f"domains.{self.name}: {type(self.module).__name__}'s loss has shape"
                f" {tuple(output.loss.shape)} for {stop - start} rows. Expected one"
                " value a row, or a scalar. Fix: average over the features of each row."
            )
        return output.loss


def _takes_raw(hook: Callable[..., Any]) -> bool:
    parameters = inspect.signature(hook).parameters.values()
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    return sum(p.kind in positional for p in parameters) > 2 or any(
        p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters
    )
