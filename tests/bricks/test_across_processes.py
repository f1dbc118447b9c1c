"""Two processes are two collections of metrics; what they tell is put side by side."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassPrecision,
)

from gwbricks.bricks import across_processes
from gwbricks.bricks.across_processes import joined, reduced
from gwbricks.workspace import CorruptedAccuracy, DomainAccuracy
from gwbricks.workspace.planning.plan import Plan

LOGITS = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(30) % 3
Together = Callable[..., list[Any]]


class AllRows(Plan):
    """A plan whose rows have every domain."""

    def __init__(self) -> None:
        """Leaves out all that a plan has."""

    def has_domain(self, domain: str) -> Tensor:
        """Returns all rows."""
        del domain
        return torch.ones(10, dtype=torch.bool)


def stock() -> MetricCollection:
    metrics = [MulticlassAccuracy(3), MulticlassPrecision(3), MulticlassAUROC(3)]
    return MetricCollection({type(metric).__name__: metric for metric in metrics})


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Together:
    """Joins the metrics of processes, as each of them sees it."""

    def together(*processes: MetricCollection) -> list[Any]:
        seen = [across_processes._seen(metrics) for metrics in processes]
        monkeypatch.setattr(across_processes, "count_processes", lambda: len(processes))
        monkeypatch.setattr(across_processes, "gather", lambda _: seen)
        return [joined(metrics) for metrics in processes]

    return together


def test_processes_have_the_metrics_of_one(together: Together) -> None:
    one, two = stock(), [stock(), stock()]
    for number, rows in enumerate(torch.arange(30).split(10)):
        for metrics in (one, two[number % 2]):
            metrics.update(LOGITS[rows], LABELS[rows])
    for found in together(*two):
        for name, value in found.compute().items():
            torch.testing.assert_close(value, one.compute()[name])


def test_process_without_a_batch_has_the_metrics_too(together: Together) -> None:
    one, none = stock(), stock()
    one.update(LOGITS, LABELS)
    for found in together(none, one):
        assert found.compute() == one.compute()
    assert not any(metric.update_called for metric in none.values())


def test_no_process_with_a_batch_is_no_metric(together: Together) -> None:
    assert together(stock(), stock()) == [None, None]


def test_states_may_come_in_another_order(together: Together) -> None:
    """The first process sees `a` first, the second `b`, the third only `b`."""
    processes = [MetricCollection({"accuracy": DomainAccuracy()}) for _ in range(3)]
    good = torch.nn.functional.one_hot(LABELS[:10], 3).float()
    for metrics, names in zip(processes, ("ab", "ba", "b"), strict=True):
        for name in names:
            logits = good if name == "a" else -good
            metrics.update({name: logits}, LABELS[:10], AllRows())
    for found in together(*processes):
        assert found.compute() == {"accuracy/a": 1.0, "accuracy/b": 0.0}


def test_rows_are_joined_in_the_order_of_processes(together: Together) -> None:
    processes = [MetricCollection({"accuracy": CorruptedAccuracy()}) for _ in range(2)]
    good = torch.nn.functional.one_hot(LABELS, 3).float()
    for scale, metrics in enumerate(processes):
        logits = {"head": good if scale else -good}
        metrics.update(logits, LABELS, torch.full((30, 2), float(scale)))
    expected = {"accuracy/head/scale_0": 0.0, "accuracy/head/scale_1": 1.0}
    assert [found.compute() for found in together(*processes)] == [expected] * 2


def test_means_count_each_process_by_its_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = {"loss": (30.0, 10.0), "cycles": (2.0, 1.0)}
    monkeypatch.setattr(across_processes, "gather", lambda sums: [sums, others])
    assert reduced({"loss": (2.0, 2.0)}) == {"loss": 32 / 12, "cycles": 2.0}
