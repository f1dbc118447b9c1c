from typing import Any

import pytest

from gwbricks.errors import ConfigError
from gwbricks.sweeps.search.samplers import PRUNERS, SAMPLERS
from gwbricks.sweeps.search.settings import SearchSettings
from gwbricks.sweeps.search.space import Space

TWO = ["val/loss", "test/loss"]
ONE = ["val/loss"]


@pytest.mark.parametrize(
    ("metrics", "given", "message"),
    [
        pytest.param(ONE, {"trials": 0}, "trials: 0. Expected a whole", id="trials"),
        pytest.param(ONE, {"batch": "x"}, "batch: 'x'. Expected a whole", id="batch"),
        pytest.param(ONE, {"seed": -1}, "seed: -1. Expected", id="seed"),
        pytest.param(
            ONE, {"storage": "mysql"}, "'mysql'. Expected sqlite or jou", id="storage"
        ),
        pytest.param(
            ONE, {"direction": "down"}, "'down'. Expected minimize or", id="direction"
        ),
        pytest.param(
            TWO,
            {"direction": ["minimize"]},
            r"\['minimize'\]. Expected .* each of the metrics val/loss, test/loss",
            id="directions",
        ),
        pytest.param([], {}, "sweep.metric: no metric", id="no-metric"),
        pytest.param(
            ONE, {"sampler": "nsga2"}, r"nsga2 weighs several.*Fix: .*=tpe", id="nsga2"
        ),
        pytest.param(
            ONE, {"sampler": "tep"}, r"'tep'. Did you mean 'tpe'\?", id="sampler"
        ),
        pytest.param(
            ONE,
            {"sampler": {"name": "tpe", "n_startup": 3}},
            "sampler: tpe: .*unexpected keyword argument 'n_startup'",
            id="argument",
        ),
        pytest.param(
            ONE, {"pruner": "medain"}, r"pruner: .* mean 'median'\?", id="pruner"
        ),
        pytest.param(
            TWO, {"pruner": "median"}, "one metric, and sweep.metric has 2", id="many"
        ),
        pytest.param(
            ["test/loss"], {"pruner": "median"}, "measured afterwards", id="too-late"
        ),
    ],
)
def test_wrong_setting_is_an_error(
    metrics: list[str], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchSettings(metrics, **given)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_can_weigh_two_metrics(sampler: str) -> None:
    settings = SearchSettings(TWO, sampler=sampler, direction="maximize")
    assert settings.directions == ["maximize", "maximize"]


@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_pruner_is_made_by_its_name(pruner: str) -> None:
    options = {"percentile": {"percentile": 25.0}, "threshold": {"upper": 1.0}}
    node = {"name": pruner, **options.get(pruner, {})}
    assert SearchSettings(ONE, pruner=node).pruner == node


@pytest.mark.parametrize(
    ("sampler", "trials", "expected"),
    [
        pytest.param("tpe", None, 20, id="default"),
        pytest.param("tpe", 7, 7, id="given"),
        pytest.param("grid", None, 6, id="whole-grid"),
        pytest.param("grid", 4, 4, id="part-of-a-grid"),
        pytest.param("grid", 40, 6, id="no-more-than-the-grid"),
    ],
)
def test_number_of_trials(sampler: str, trials: int | None, expected: int) -> None:
    space = Space.parse({}, ["a=1,2", "b=range(3)"])
    assert SearchSettings(ONE, sampler=sampler, trials=trials).total(space) == expected


def test_misspelt_setting_names_the_close_match() -> None:
    with pytest.raises(ConfigError, match=r"hydra.sweeper: .*'trails'.* mean 'trials'"):
        SearchSettings.read(ONE, {"trails": 5})
