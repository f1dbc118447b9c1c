"""Coefficients of losses: numbers, or ramps over the steps of a training."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from gwbricks.errors import ConfigError, UnknownNameError

ROUTES = "routes"
"""Key of `loss_coefs` below which are coefficients of single routes."""


@dataclass(frozen=True)
class CoefRamp:
    """A coefficient that changes during training: a warm-up, a switch-on, or -off.

    Args:
        coef: The coefficient in the end, and in validation and test from the start, so
            that epochs can be compared.
        initial: The coefficient before the change.
        start: Number of optimizer steps before the change.
        steps: Number of steps that it takes, in a line; 0 for at once.

    Example:
        >>> ramp = CoefRamp(1.0, start=10, steps=4)
        >>> [ramp.at(step) for step in (0, 9, 10, 11, 13, 99)]
        [0.0, 0.0, 0.25, 0.5, 1.0, 1.0]
    """

    coef: float
    initial: float = 0.0
    start: int = 0
    steps: int = 0

    def at(self, step: int) -> float:
        """Returns the coefficient of a step, of which the first is 0."""
        if step < self.start:
            return self.initial
        done = step - self.start + 1
        if done >= self.steps:
            return self.coef
        return self.initial + (self.coef - self.initial) * done / self.steps

    @property
    def turns(self) -> tuple[int, ...]:
        """Steps between which the coefficient goes in a line."""
        stop = self.start + max(self.steps, 1) - 1
        return (max(self.start - 1, 0), self.start, max(stop - 1, 0), stop)


def check_coefs(coefs: Mapping[str, object], known: Iterable[str]) -> dict[str, float]:
    """Returns the coefficients that are not null, checked; of ramps, where they end.

    Args:
        coefs: Coefficients by name of the loss; null switches a loss off, 0 has it
            computed and logged, but not trained. For ramps see `find_ramps`.
        known: Names of the losses that exist.

    Raises:
        UnknownNameError: If a coefficient names no loss.
        ConfigError: If one is negative or no number, or at some step none is above 0.

    Example:
        >>> check_coefs({"cycles": 1, "fused": None}, ["cycles", "fused"])
        {'cycles': 1.0}
    """
    names = sorted(known)
    for name in sorted(coefs):
        if name not in names:
            raise UnknownNameError("loss_coefs", name, names)
    ramps = find_ramps(coefs)
    checked = {
        name: ramps[name].coef if name in ramps else check_coef(name, coef)
        for name, coef in sorted(coefs.items())
        if coef is not None
    }
    _check_training(checked, ramps, names)
    return checked


def find_ramps(coefs: Mapping[str, object]) -> dict[str, CoefRamp]:
    """Returns the coefficients that change during training.

    Args:
        coefs: Coefficients by name of the loss; a ramp may be given as a mapping of the
            arguments of `CoefRamp`.

    Raises:
        UnknownNameError: If a mapping has another key.
        ConfigError: If a value cannot be.

    Example:
        >>> find_ramps({"cycles": {"coef": 1, "start": 500}, "fused": 1})
        {'cycles': CoefRamp(coef=1.0, initial=0.0, start=500, steps=0)}
    """
    ramps = {}
    for name, coef in sorted(coefs.items()):
        if isinstance(coef, CoefRamp):
            coef = {field.name: getattr(coef, field.name) for field in fields(coef)}
        if isinstance(coef, Mapping):
            ramps[name] = _make_ramp(name, coef)
    return ramps


def without_routes(coefs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the coefficients of losses, without those of single routes."""
    return {name: coef for name, coef in coefs.items() if name != ROUTES}


def coefs_at(
    step: int, coefs: Mapping[str, float], ramps: Mapping[str, CoefRamp]
) -> dict[str, float]:
    """Returns the coefficients of one step of training."""
    return {**coefs, **{name: ramp.at(step) for name, ramp in ramps.items()}}


def check_coef(name: str, coef: object) -> float:
    """Returns a coefficient as a float.

    Args:
        name: Its key below `loss_coefs`.
        coef: The coefficient.

    Raises:
        ConfigError: If it is negative or no finite number.
    """
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


def _make_ramp(name: str, given: Mapping[str, Any]) -> CoefRamp:
    known = [field.name for field in fields(CoefRamp)]
    for key in given:
        if key not in known:
            raise UnknownNameError(f"loss_coefs.{name}", str(key), known)
    if "coef" not in given:
        raise ConfigError(
            f"loss_coefs.{name}.coef: missing. Expected the coefficient in the end, as"
            f" in loss_coefs.{name}={{coef: 1.0, start: 500}}."
        )
    for key in ("start", "steps"):
        value = given.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ConfigError(
                f"loss_coefs.{name}.{key}: {value!r}. Expected a whole number of steps,"
                " 0 or more."
            )
    weights = {
        key: check_coef(f"{name}.{key}", given[key])
        for key in ("coef", "initial")
        if key in given
    }
    return CoefRamp(**{**given, **weights})


def _check_training(
    coefs: Mapping[str, float], ramps: Mapping[str, CoefRamp], names: list[str]
) -> None:
    """Checks that each step trains something: else no step would ever be counted."""
    turns = sorted({0, *(turn for ramp in ramps.values() for turn in ramp.turns)})
    for step in turns:
        if any(coefs_at(step, coefs, ramps).values()):
            continue
        when = f" at step {step}" if any(coefs.values()) or step else ""
        raise ConfigError(
            f"loss_coefs: no coefficient is above 0{when}, so there is nothing to"
            " train. Fix: give one to any of"
            f" {', '.join(names) or 'the losses of the bricks'}."
        )
