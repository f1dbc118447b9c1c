from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torchmetrics import Metric

from gwbricks.bricks import BrickCollection, Stage
from gwbricks.data import Group, Layout
from gwbricks.data.table import as_named_inputs
from gwbricks.errors import UnknownNameError
from gwbricks.workspace import (
    DomainAccuracy,
    FusionRoutes,
    Plan,
    Planner,
    RetrievalRecall,
    RouteReconstruction,
)
from gwbricks.workspace.planning.routes import KINDS

Build = Callable[..., BrickCollection]
Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]
T, V, BOTH = ("t",), ("v",), ("t", "v")


def plan_of(groups: Mapping[tuple[str, ...], int]) -> Plan:
    layout = Layout(tuple(Group(group, rows) for group, rows in groups.items()))
    return Planner("tv", FusionRoutes(), KINDS)(Stage.VALIDATION, layout, None, None)


def r2(pred: np.ndarray, target: np.ndarray) -> float:
    """R² of every feature, weighted by the features' variances."""
    deviation = ((target - target.mean(axis=0)) ** 2).sum(axis=0)
    features = 1 - ((target - pred) ** 2).sum(axis=0) / deviation
    return float((features * deviation).sum() / deviation.sum())


def test_reconstruction_is_the_mean_squared_error_and_r2_of_each_route(
    build: Build, draw: Draw
) -> None:
    collection, metric = build("tv"), RouteReconstruction()
    groups = ({T: 4, BOTH: 3}, {T: 2, V: 3, BOTH: 5})
    found: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for seed, rows in enumerate(groups):
        batch = draw(rows, seed)
        values = collection(as_named_inputs(batch), Stage.VALIDATION)
        metric.update(
            {d: values[f"{d}/raw"] for d in "tv"},
            {d: values[f"{d}/raw_target"] for d in "tv"},
            values["plan"],
        )
        for group, columns in batch.items():
            for source in group:
                only = {source: columns[source]}
                outputs = [f"{target}/raw" for target in group]
                raw = collection(only, Stage.INFERENCE, outputs=outputs)
                for target in group:
                    pair = (raw[f"{target}/raw"], columns[target])
                    found.setdefault(f"{source}-to-{target}", []).append(pair)
    measured = metric.compute()
    assert set(found) == {"t-to-t", "t-to-v", "v-to-t", "v-to-v"}
    assert len(measured) == 8
    for route, pairs in found.items():
        pred, target = (torch.cat(side).numpy() for side in zip(*pairs, strict=True))
        error = ((pred - target) ** 2).mean()
        assert measured[f"mse/{route}"].item() == pytest.approx(error, rel=1e-5)
        assert measured[f"r2/{route}"].item() == pytest.approx(
            r2(pred, target), rel=1e-5
        )


def test_reconstruction_measures_the_kinds_that_are_asked_for(
    build: Build, draw: Draw
) -> None:
    values = build("tv")(as_named_inputs(draw({BOTH: 4})), Stage.VALIDATION)
    metric = RouteReconstruction(["fused"])
    raw, target = ({d: values[f"{d}/{x}"] for d in "tv"} for x in ("raw", "raw_target"))
    metric.update(raw, target, values["plan"])
    assert set(metric.compute()) == {
        f"{name}/t+v-to-{d}" for name in ("mse", "r2") for d in "tv"
    }


def test_reconstruction_of_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match=r"kinds: .*mean 'translations'\?"):
        RouteReconstruction(["translation"])


def recall(queries: Tensor, targets: Tensor, k: int) -> float:
    """How often fewer than k other targets are at least as close as one's own."""
    found = 0
    for item, query in enumerate(queries):
        cosines = [
            float(query @ target / query.norm() / target.norm()) for target in targets
        ]
        closer = [c for other, c in enumerate(cosines) if other != item]
        found += sum(c >= cosines[item] for c in closer) < k
    return found / len(queries)


@given(rows=st.integers(2, 12), batches=st.integers(1, 3), seed=st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_recall_is_that_of_a_loop(rows: int, batches: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    metric = RetrievalRecall(ks=(1, 3))
    parts: list[tuple[Tensor, Tensor]] = []
    for _ in range(batches):
        t, v = torch.randn(2, rows + 2, 3, generator=generator, dtype=torch.float64)
        metric.update({"t": t, "v": v[:-1]}, plan_of({T: 2, BOTH: rows, V: 1}))
        parts.append((t[2:], v[:rows]))
    t, v = (torch.cat(side) for side in zip(*parts, strict=True))
    values = {name: value.item() for name, value in metric.compute().items()}
    assert values == pytest.approx(
        {
            f"recall@{k}/{query}-to-{target}": recall(*sides, k)
            for k in (1, 3)
            for query, target, sides in (("t", "v", (t, v)), ("v", "t", (v, t)))
        }
    )


def test_collapsed_states_recall_nothing() -> None:
    metric = RetrievalRecall(ks=(1,))
    states = torch.ones(8, 4)  # of length 2, so that no product is rounded
    metric.update({"t": states, "v": states}, plan_of({BOTH: 8}))
    assert {value.item() for value in metric.compute().values()} == {0.0}


def test_recall_ranks_more_items_than_are_compared_at_once() -> None:
    metric = RetrievalRecall(ks=(1,))
    states = torch.randn(1500, 16, dtype=torch.float64)
    metric.update({"t": states, "v": states}, plan_of({BOTH: 1500}))
    assert {value.item() for value in metric.compute().values()} == {1.0}


def test_accuracy_is_that_of_the_items_that_have_the_domain() -> None:
    metric = DomainAccuracy()
    label = torch.tensor([0, 1, 1, 0, 1])
    plan = plan_of({T: 1, BOTH: 2, V: 2})
    right, wrong = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])
    # t has the items 0 to 2, v the items 1 to 4.
    logits = {
        "t": torch.stack([wrong, right, wrong]),
        "v": torch.stack([right, right, right, right]),
    }
    for _ in range(2):
        metric.update(logits, label, plan)
    values = {name: value.item() for name, value in metric.compute().items()}
    assert values == pytest.approx({"accuracy/t": 2 / 3, "accuracy/v": 3 / 4})


def draw_rows(seed: int, names: tuple[str, ...] = BOTH) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(4, 2, generator=generator) for name in names}


METRICS = pytest.mark.parametrize(
    ("build_metric", "extra"),
    [
        pytest.param(RouteReconstruction, {"raw_target": draw_rows(1)}, id="routes"),
        pytest.param(RetrievalRecall, {}, id="recall"),
        pytest.param(DomainAccuracy, {"label": torch.tensor([0, 1, 1, 0])}, id="label"),
    ],
)
Extra = dict[str, Tensor | dict[str, Tensor]]


@METRICS
def test_metric_starts_anew_after_a_reset(
    build_metric: Callable[[], Metric], extra: Extra
) -> None:
    metric, fresh, plan = build_metric(), build_metric(), plan_of({BOTH: 4})
    fresh.update(draw_rows(3), *extra.values(), plan)
    metric.update(draw_rows(2), *extra.values(), plan)
    metric.reset()
    metric.update(draw_rows(3), *extra.values(), plan)
    assert metric.compute() == fresh.compute()


@METRICS
def test_what_a_pass_has_no_rows_of_is_not_reported(
    build_metric: Callable[[], Metric], extra: Extra
) -> None:
    metric = build_metric()
    metric.update(draw_rows(2), *extra.values(), plan_of({BOTH: 4}))
    metric.reset()
    alone = [{"v": e["v"]} if isinstance(e, dict) else e for e in extra.values()]
    metric.update(draw_rows(2, V), *alone, plan_of({V: 4}))
    assert {name.split("/")[1] for name in metric.compute()} <= {"v", "v-to-v"}


@METRICS
def test_metric_may_be_returned_for_each_batch(
    build_metric: Callable[[], Metric], extra: Extra
) -> None:
    metric, plan = build_metric(), plan_of({BOTH: 4})
    for seed in (2, 3):
        alone = build_metric()
        alone.update(draw_rows(seed), *extra.values(), plan)
        assert metric(draw_rows(seed), *extra.values(), plan) == alone.compute()
    both = build_metric()
    for seed in (2, 3):
        both.update(draw_rows(seed), *extra.values(), plan)
    assert metric.compute() == both.compute()
