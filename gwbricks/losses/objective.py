"""The objective: a weighted sum of losses."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from gwbricks.errors import ConfigError, UnknownNameError


def weighted_sum(
    losses: Mapping[str, Tensor], coefs: Mapping[str, float]
) -> Tensor | None:
    """Returns `sum(coefs[name] * losses[name])` over the losses with a coefficient.

    It is a sum, not a mean: adding a term leaves the gradients of the others alone. A
    coefficient of zero leaves its loss out. None if nothing is left.

    Args:
        losses: Scalar losses by name.
        coefs: Coefficients by name of the loss.

    Example:
        >>> losses = {"cycles": torch.tensor(2.0), "fused": torch.tensor(5.0)}
        >>> weighted_sum(losses, {"cycles": 1, "fused": 0.1})
        tensor(2.5000)
    """
    terms = [coefs[name] * losses[name] for name in sorted(losses) if coefs.get(name)]
    return torch.stack(terms).sum() if terms else None


def check_coefs(coefs: Mapping[str, object], known: Iterable[str]) -> dict[str, float]:
    """Returns the coefficients that are not null, checked.

    Args:
        coefs: Coefficients by name of the loss; null switches a loss off, 0 has it
            computed and logged, but not trained.
        known: Names of the losses that exist.

    Raises:
        UnknownNameError: If a coefficient names no loss.
        ConfigError: If one is negative or no number, or none is above zero.

    Example:
        >>> check_coefs({"cycles": 1, "fused": None}, ["cycles", "fused"])
        {'cycles': 1.0}
    """
    checked = {}
    names = sorted(known)
    for name, coef in sorted(coefs.items()):
        if name not in names:
            raise UnknownNameError("loss_coefs", name, names)
        if coef is not None:
            checked[name] = _check_coef(name, coef)
    if not any(checked.values()):
        raise ConfigError(
            "loss_coefs: no coefficient is above 0, so there is nothing to train."
            " Fix: give one to any of"
            f" {', '.join(names) or 'the losses of the bricks'}."
        )
    return checked


def _check_coef(name: str, coef: object) -> float:
    try:
        value = math.nan if isinstance(coef, str | bool) else float(coef)  # pyright: ignore[reportArgumentType] - anything with __float__
    except (TypeError, ValueError):
        value = math.nan
    if not (value >= 0 and math.isfinite(value)):
        raise ConfigError(
            f"loss_coefs.{name}: {coef!r}. Expected a number of 0 or more, or null for"
            " a loss that is not computed."
        )
    return value
