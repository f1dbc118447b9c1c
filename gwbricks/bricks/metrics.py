"""Bricks that gather metrics over a data set."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn
from torchmetrics import Metric, MetricCollection

from gwbricks.bricks.across_processes import joined
from gwbricks.bricks.brick import Brick
from gwbricks.bricks.names import InputNames
from gwbricks.bricks.stage import EVALUATED, Stage


class BrickMetrics(Brick):
    """Metrics gathered separately in each stage, and read by `summarize`.

    Args:
        metric_collection: A MetricCollection or a dictionary of metrics. It is copied
            for each stage; the caller's is left alone.
        input_names: See `Brick`.
        alive_stages: See `Brick`; by default where there are targets.
        return_metrics: Whether the batch's values are also outputs of the brick, named
            as the metrics.
        skip_missing: See `Brick`; a set that lacks labels then has no such metrics.
    """

    reduces = True

    def __init__(
        self,
        metric_collection: MetricCollection | Mapping[str, Metric],
        input_names: InputNames,
        alive_stages: Iterable[Stage | str] | str = EVALUATED,
        return_metrics: bool = False,
        skip_missing: bool = False,
    ) -> None:
        if not isinstance(metric_collection, MetricCollection):
            metric_collection = MetricCollection(dict(metric_collection))
        self.metric_names = tuple(map(str, metric_collection.keys()))
        output_names = self.metric_names if return_metrics else ()
        super().__init__(
            input_names,
            output_names,
            alive_stages,
            calculate_gradients=False,
            skip_missing=skip_missing,
        )
        self.return_metrics = return_metrics
        # a validation inside of an epoch must not mix with what training has gathered
        self.metrics = nn.ModuleDict(
            {
                stage.name: metric_collection.clone()
                for stage in Stage
                if stage in self.alive_stages
            }
        )

    @property
    def function(self) -> Callable[..., Any]:
        """The metrics; which stage's is known when they are called."""
        return self._update

    def _update(self, stage: Stage, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the metrics return
        metrics = self.metrics[stage.name]
        if self.return_metrics:
            values = metrics(*args, **kwargs)
            # a brick's only output is taken as it is, a dictionary too
            return values if len(values) > 1 else next(iter(values.values()))
        metrics.update(*args, **kwargs)  # pyright: ignore[reportCallIssue] - a MetricCollection
        return {}

    @property
    def label(self) -> str:
        """The metrics' names."""
        return ", ".join(self.metric_names)

    def call(
        self, function: Callable[..., Any], stage: Stage, *args: Any, **kwargs: Any
    ) -> Any:  # noqa: ANN401 - whatever the metrics take
        """Adds a batch to the metrics of `stage`."""
        return function(stage, *args, **kwargs)

    def summarize(self, stage: Stage, reset: bool) -> dict[str, Any]:
        """Returns the metrics of `stage` by name; none if there was no batch.

        Processes that train together must all ask; they get those of all their batches.
        """
        if not self.is_alive(stage):
            return {}
        metrics = self.metrics[stage.name]
        assert isinstance(metrics, MetricCollection)
        whole = joined(metrics)
        values = {} if whole is None else whole.compute()
        if reset:
            metrics.reset()
        return values


class BrickMetricSingle(BrickMetrics):
    """One metric as a brick.

    Args:
        metric: The metric.
        input_names: See `Brick`.
        metric_name: Name of its value; the class's name if None.
        alive_stages: See `Brick`; by default where there are targets.
        return_metrics: See `BrickMetrics`.
        skip_missing: See `BrickMetrics`.
    """

    def __init__(
        self,
        metric: Metric,
        input_names: InputNames,
        metric_name: str | None = None,
        alive_stages: Iterable[Stage | str] | str = EVALUATED,
        return_metrics: bool = False,
        skip_missing: bool = False,
    ) -> None:
        name = metric_name or type(metric).__name__
        super().__init__(
            {name: metric}, input_names, alive_stages, return_metrics, skip_missing
        )
