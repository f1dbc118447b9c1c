"""What a search may choose from, written in the grammar of Hydra's overrides."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna import Trial
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    distribution_to_json,
    FloatDistribution,
    IntDistribution,
)

from gwbricks.errors import ConfigError

KEY = "hydra.sweeper.space"
EXAMPLES = "interval(0.1, 1), int(interval(1, 8)), range(8, 65, 8) or choice(a, b)"

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Space:
    """The search space of a study.

    Args:
        dimensions: What each searched key may be.
        fixed: Overrides that all trials share.
    """

    dimensions: Mapping[str, BaseDistribution]
    fixed: Sequence[str] = ()

    @classmethod
    def parse(
        cls,
        space: Mapping[str, object],
        arguments: Sequence[str],
        loader: ConfigLoader | None = None,
    ) -> "Space":
        """Reads a space from a config and from the command line, which wins.

        Args:
            space: By key, an override's value or a list of choices.
            arguments: Overrides, some of which sweep.
            loader: Hydra's, which `glob(…)` asks for options.

        Raises:
            ConfigError: If there is nothing to search, or some range is impossible.

        Example:
            >>> space = Space.parse({"a": [1, 2]}, ["b=interval(0, 1)", "seed=3"])
            >>> sorted(space.dimensions), space.fixed
            (['a', 'b'], ['seed=3'])
        """
        parser = OverridesParser.create(config_loader=loader)
        dimensions: dict[str, BaseDistribution] = {}
        fixed: dict[str, str] = {}
        given = [f"{key}={_as_override(value)}" for key, value in space.items()]
        for override in parser.parse_overrides(given):
            if not override.is_sweep_override():
                raise ConfigError(
                    f"{KEY}: {override.input_line}: one value. {_known()}"
                )
            dimensions[override.get_key_element()] = _distribution(override)
        for override in parser.parse_overrides(list(arguments)):
            key = override.get_key_element()
            if override.is_sweep_override():
                dimensions[key] = _distribution(override)
            else:
                dimensions.pop(key, None)  # a value on the command line ends its search
                fixed[key] = str(override.input_line)
        if not dimensions:
            raise ConfigError(f"{KEY}: nothing to search. {_known()}")
        return cls(dimensions, list(fixed.values()))

    def suggest(self, trial: Trial) -> list[str]:
        """Returns the overrides of a trial; asked again, it has the same values."""
        values = {key: _suggest(trial, key, d) for key, d in self.dimensions.items()}
        return self.overrides(values)

    def overrides(self, values: Mapping[str, Value]) -> list[str]:
        """Returns the overrides that give all keys their values.

        Example:
            >>> Space({}, ["seed=1"]).overrides({"lr": 1e-05, "optimizer": "adam"})
            ['seed=1', 'lr=1e-05', 'optimizer=adam']
        """
        return [*self.fixed, *(f"{key}={_text(v)}" for key, v in values.items())]

    def first(self) -> dict[str, Value]:
        """Returns one value of each key, to compose some config of the study."""
        return {
            key: d.choices[0] if isinstance(d, CategoricalDistribution) else d.low
            for key, d in self.dimensions.items()
            if isinstance(
                d, CategoricalDistribution | FloatDistribution | IntDistribution
            )
        }

    def grid(self) -> list[dict[str, Value]]:
        """Returns all combinations of values, the last key changing fastest.

        Raises:
            ConfigError: If a key has infinitely many values.
        """
        axes = {key: list(_values(key, d)) for key, d in self.dimensions.items()}
        return [
            dict(zip(axes, values, strict=True)) for values in product(*axes.values())
        ]

    def described(self) -> dict[str, str]:
        """Returns the dimensions as text, to compare them with a later space's."""
        return {key: distribution_to_json(d) for key, d in self.dimensions.items()}


def _known() -> str:
    return f"Expected what to choose from, such as {EXAMPLES}."


def _as_override(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"choice({','.join(map(_text, value))})"
    return _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _typed(text: str) -> Value:
    """Returns a number, truth value or null that a text means, or else the text."""
    try:
        value = json.loads(text.lower() if text in ("True", "False") else text)
    except ValueError:
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def _distribution(override: Override) -> BaseDistribution:
    key, written = override.get_key_element(), override.get_value_string()
    sweep = override.value()
    tags = sorted(getattr(sweep, "tags", ()))
    if tags not in ([], ["log"]):
        raise ConfigError(f"{key}: unknown tag in {written!r}. Known tags: log.")
    if isinstance(sweep, IntervalSweep):
        return _interval(key, written, sweep)
    if tags:
        raise ConfigError(
            f"{key}: {written!r} has a logarithm of single values. Expected"
            " tag(log, interval(…)) or tag(log, int(interval(…)))."
        )
    values = list(dict.fromkeys(map(_typed, override.sweep_string_iterator())))
    if not values:
        raise ConfigError(f"{key}: {written!r} has no value. {_known()}")
    if isinstance(sweep, RangeSweep):
        return _range(sorted(v for v in values if isinstance(v, int | float)), sweep)
    return CategoricalDistribution(values)


def _interval(key: str, written: str, sweep: IntervalSweep) -> BaseDistribution:
    low, high, is_log = sweep.start, sweep.end, "log" in sweep.tags
    assert low is not None
    assert high is not None
    if low > high:
        raise ConfigError(f"{key}: {written!r} ends before it starts.")
    if is_log and low <= 0:
        raise ConfigError(
            f"{key}: {written!r} starts at {low}, which has no logarithm. Fix: a start"
            " above 0, or no tag(log, …)."
        )
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=is_log)
    return FloatDistribution(low, high, log=is_log)


def _range(values: Sequence[int | float], sweep: RangeSweep) -> BaseDistribution:
    low, high, step = values[0], values[-1], abs(sweep.step)
    if isinstance(low, int) and isinstance(high, int) and isinstance(step, int):
        return IntDistribution(low, high, step=step)
    return FloatDistribution(low, high, step=float(step))


def _suggest(trial: Trial, key: str, distribution: BaseDistribution) -> Value:
    match distribution:
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_float(key, low, high, step=step, log=log)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(key, low, high, step=step, log=log)
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(key, choices)
    raise TypeError(str(distribution))


def _values(key: str, distribution: BaseDistribution) -> Iterator[Value]:
    match distribution:
        case IntDistribution(low=low, high=high, step=step):
            yield from range(low, high + 1, step)
        case CategoricalDistribution(choices=choices):
            yield from choices
        case FloatDistribution(low=low, high=high, step=float(step)):
            yield from (low + i * step for i in range(round((high - low) / step) + 1))
        case _:
            raise ConfigError(
                f"{key}: an interval has no end of values for a grid. Fix: range(…) or"
                " choice(…), or hydra.sweeper.sampler=tpe."
            )
