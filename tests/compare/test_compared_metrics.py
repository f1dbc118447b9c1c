from collections.abc import Callable

import pytest

from gwbricks.compare.compared_metrics import (
    all_metrics,
    chosen_metrics,
    default_metrics,
    goal_of,
    Metric,
    MOST_SHOWN,
)
from gwbricks.compare.run import ComparedRun
from gwbricks.errors import ConfigError, UnknownNameError

Make = Callable[..., ComparedRun]


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        pytest.param("val/loss", "min", id="loss"),
        pytest.param("loss", "min", id="no-stage"),
        pytest.param("test/cross_entropy", "min", id="entropy"),
        pytest.param("test/accuracy/fused", "max", id="accuracy"),
        pytest.param("test/accuracy_loss", "min", id="loss-of-accuracy"),
        pytest.param("test/r2/v-to-t", "max", id="route"),
        pytest.param("test/recall@5/v-to-t", "max", id="recall"),
        pytest.param("test/contrastives/logit_scale", None, id="scale"),
        pytest.param("test/norm", None, id="nobody-knows"),
        pytest.param("loss/norm", None, id="stage-says-nothing"),
    ],
)
def test_the_name_says_which_way_is_better(name: str, goal: str | None) -> None:
    assert goal_of(name) == goal


def test_losses_of_the_config_are_better_if_lower(make_run: Make) -> None:
    run = make_run(
        {"loss_coefs": {"cycles": 1}}, numbers={"val/cycles/v": 1, "val/x": 2}
    )
    assert all_metrics([run]) == [Metric("val/cycles/v", "min"), Metric("val/x", None)]


def test_shown_unasked_is_what_matters_most(make_run: Make) -> None:
    test = ("loss", "cycles", "mse/a-to-b", "r2/a-to-b", "accuracy/fused", "norm")
    names = [*(f"test/{n}" for n in test), "train/loss", "val/accuracy", "val/loss"]
    numbers = dict.fromkeys(names, 1.0)
    config = {"loss_coefs": {"cycles": 1}, "sweep": {"metric": "val/accuracy"}}
    runs = [make_run(config, numbers=numbers)]
    assert [m.name for m in default_metrics(runs, all_metrics(runs))] == [
        "val/accuracy",
        "test/loss",
        "test/accuracy/fused",
        "test/r2/a-to-b",
        "test/mse/a-to-b",
    ]


def test_without_better_ones_any_metrics_are_shown(make_run: Make) -> None:
    runs = [make_run({}, numbers={f"a/{n}": 1.0 for n in range(9)})]
    assert len(default_metrics(runs, all_metrics(runs))) == MOST_SHOWN


METRICS = [
    Metric("test/loss", "min"),
    Metric("test/r2/a", "max"),
    Metric("test/r2/b", None),
]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param(["test/loss"], [METRICS[0]], id="name"),
        pytest.param(["test/r2/*"], METRICS[1:], id="pattern"),
        pytest.param(["test/loss:max"], [Metric("test/loss", "max")], id="goal"),
        pytest.param(
            ["*b:min", "test/loss"],
            [Metric("test/r2/b", "min"), METRICS[0]],
            id="order",
        ),
    ],
)
def test_metrics_are_chosen(asked: list[str], found: list[Metric]) -> None:
    assert chosen_metrics(asked, METRICS) == found


def test_unknown_metric_names_the_close_match() -> None:
    with pytest.raises(UnknownNameError, match=r"--metric: .*Did you mean 'test/loss'"):
        chosen_metrics(["test/los"], METRICS)


def test_unknown_goal_is_an_error() -> None:
    with pytest.raises(
        ConfigError, match=r"--metric: 'down' behind 'test/loss'. Expected"
    ):
        chosen_metrics(["test/loss:down"], METRICS)
