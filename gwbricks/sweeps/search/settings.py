"""What `hydra.sweeper` says of a search, checked before anything starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.sweeps.search.samplers import (
    GRID,
    make_pruner,
    make_sampler,
    name_of,
    Node,
    NSGA2,
)
from gwbricks.sweeps.search.space import Space

DIRECTIONS = ("minimize", "maximize")
STORAGES = ("sqlite", "journal")
TRIALS = 20


@dataclass(frozen=True)
class SearchSettings:
    """A search as its config describes it.

    Args:
        metrics: Names of the final numbers that it optimises.
        space: What a config adds to the command line's space.
        trials: Number of trials; None for 20, or the whole grid.
        direction: `minimize` or `maximize`, or one of them for each metric.
        sampler: What proposes values.
        seed: Of the sampler.
        batch: How many trials run at a time.
        pruner: What stops bad trials.
        storage: `sqlite` or `journal`.

    Raises:
        ConfigError: If a value is wrong, or two of them do not fit.
    """

    metrics: Sequence[str]
    space: Mapping[str, object] = field(default_factory=dict)
    trials: int | None = None
    direction: str | Sequence[str] = "minimize"
    sampler: Node = "tpe"
    seed: int | None = 0
    batch: int = 1
    pruner: Node | None = None
    storage: str = "sqlite"

    @classmethod
    def read(
        cls, metrics: Sequence[str], config: Mapping[str, Any]
    ) -> "SearchSettings":
        """Makes settings of the section `hydra.sweeper` of a config.

        Raises:
            UnknownNameError: If it has a key that nothing reads.
        """
        known = {each.name for each in fields(cls)} - {"metrics"}
        for name in config:
            if name not in known:
                raise UnknownNameError("hydra.sweeper", name, known)
        return cls(metrics, **config)

    def __post_init__(self) -> None:
        for name in ("trials", "batch"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ConfigError(
                    f"hydra.sweeper.{name}: {value!r}. Expected a whole number above 0."
                )
        if self.seed is not None and (not isinstance(self.seed, int) or self.seed < 0):
            raise ConfigError(
                f"hydra.sweeper.seed: {self.seed!r}. Expected a whole number, or null."
            )
        if self.storage not in STORAGES:
            raise ConfigError(
                f"hydra.sweeper.storage: {self.storage!r}. Expected sqlite or journal."
            )
        self._check_objectives()
        make_sampler(self.sampler, self.seed, 0)  # raises early
        make_pruner(self.pruner)

    def _check_objectives(self) -> None:
        metrics, directions = list(self.metrics), self.directions
        if not metrics:
            raise ConfigError("sweep.metric: no metric. Expected one, as in val/loss.")
        if len(directions) != len(metrics) or not set(directions) <= {*DIRECTIONS}:
            raise ConfigError(
                f"hydra.sweeper.direction: {self.direction!r}. Expected minimize or"
                f" maximize, for each of the metrics {', '.join(metrics)}."
            )
        if name_of(self.sampler) == NSGA2 and len(metrics) == 1:
            raise ConfigError(
                "hydra.sweeper.sampler: nsga2 weighs several metrics, and sweep.metric"
                f" is one: {metrics[0]}. Fix: hydra.sweeper.sampler=tpe, or a list, as"
                " in 'sweep.metric=[val/loss, test/loss]'."
            )
        if self.pruner is None:
            return
        if len(metrics) > 1:
            raise ConfigError(
                f"hydra.sweeper.pruner: {name_of(self.pruner)} compares trials by one"
                f" metric, and sweep.metric has {len(metrics)}."
                " Fix: hydra.sweeper.pruner=null."
            )
        if not metrics[0].startswith(("val/", "train/")):
            raise ConfigError(
                f"hydra.sweeper.pruner: {name_of(self.pruner)} follows {metrics[0]}"
                " while a trial trains, and it is measured afterwards. Fix: a metric of"
                " validation, as in sweep.metric=val/loss, or no pruner."
            )

    @property
    def directions(self) -> list[str]:
        """The direction of each metric."""
        if isinstance(self.direction, str):
            return [self.direction] * len(self.metrics)
        return list(self.direction)

    @property
    def is_grid(self) -> bool:
        """Whether all combinations are tried in order."""
        return name_of(self.sampler) == GRID

    def total(self, space: Space) -> int:
        """Returns how many trials there will be."""
        if not self.is_grid:
            return self.trials or TRIALS
        points = len(space.grid())
        return min(self.trials or points, points)
