"""Coefficients of single routes."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from gwbricks.bricks import BrickCollection, LossOutput, Stage
from gwbricks.data import as_named_inputs
from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.workspace import FusionRoutes, SimpleRoutes
from gwbricks.workspace.planning.route_coefs import check_route_coefs

Build = Callable[..., BrickCollection]
Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]

GROUPS = {("a", "b"): 3, ("a", "b", "c"): 2}
COEFS = {"translations": 1.0, "cycles": 1.0}


def translations(
    build: Build, draw: Draw, stage: Stage = Stage.TRAIN, **routes: float | None
) -> LossOutput:
    coefs = {"translations": 1.0, "routes": {"translations": routes}}
    inputs = as_named_inputs(draw(GROUPS))
    return build("abc", coefs=coefs).run(inputs, stage, ["translations"])[
        "translations"
    ]


@pytest.mark.parametrize("coef", [2.0, 1, 0.0, None], ids=str)
@pytest.mark.parametrize("stage", [Stage.TRAIN, Stage.TEST], ids=str)
def test_route_counts_times_its_coefficient_and_the_others_as_before(
    build: Build, draw: Draw, coef: float | None, stage: Stage
) -> None:
    plain = translations(build, draw, stage)
    # From a to b in both groups, of 2 and 9 translations.
    part = 2 * plain.metrics["a-to-b"] / (2 + 9)
    output = translations(build, draw, stage, **{"a-to-b": coef})
    torch.testing.assert_close(output.loss, plain.loss + ((coef or 0.0) - 1) * part)
    kept = plain.metrics.keys() - ({"a-to-b"} if coef is None else set())
    assert output.metrics.keys() == kept
    for name in kept:
        torch.testing.assert_close(output.metrics[name], plain.metrics[name])


def test_route_with_null_is_not_computed_in_training(build: Build, draw: Draw) -> None:
    nulls = dict.fromkeys(("a-to-b", "c-to-b", "a+c-to-b"))
    coefs = {"translations": 1.0, "routes": {"translations": nulls}}
    collection = build("abc", coefs=coefs)
    inputs = as_named_inputs(draw(GROUPS))
    for stage, rows in ((Stage.TRAIN, 0), (Stage.TEST, 3 + 2 * 3)):
        plan = collection.run(inputs, stage, ["plan"])["plan"]
        found = [r for r in plan.columns["b"].runs if r.kind == "translations"]
        assert sum(run.stop - run.start for run in found) == rows


def test_kind_whose_routes_are_all_off_has_no_loss(build: Build, draw: Draw) -> None:
    nulls = dict.fromkeys(("a-to-b", "b-to-a"))
    coefs = {"translations": 1.0, "routes": {"translations": nulls}}
    inputs = as_named_inputs(draw({("a", "b"): 3}))
    for stage in (Stage.TRAIN, Stage.TEST):
        values = build("ab", coefs=coefs).run(inputs, stage, ["translations"])
        assert values["translations"] is None


def test_cycle_has_a_coefficient_too(build: Build, draw: Draw) -> None:
    inputs = as_named_inputs(draw({("a",): 3, ("b",): 3}))
    routes = {"cycles": {"a-through-b": 3}}
    output = build("ab", coefs={**COEFS, "routes": routes}).run(
        inputs, Stage.TRAIN, ["cycles"]
    )["cycles"]
    a, b = output.metrics["a-through-b"], output.metrics["b-through-a"]
    torch.testing.assert_close(output.loss, (3 * a + b) / 2)


@pytest.mark.parametrize(
    ("coefs", "message"),
    [
        pytest.param(
            {"translation": {}},
            r"loss_coefs\.routes: unknown name 'translation'\. Did you mean",
            id="kind",
        ),
        pytest.param(
            {"translations": {"a-to-bb": 1}},
            r"loss_coefs\.routes\.translations: unknown name 'a-to-bb'\. Did you mean",
            id="route",
        ),
        pytest.param(
            {"translations": 2.0},
            r"routes\.translations: 2\.0\. Expected coefficients by route, as in",
            id="no-mapping",
        ),
        pytest.param(
            {"translations": {"a-to-b": -1}},
            r"loss_coefs\.routes\.translations\.a-to-b: -1\. Expected a number of 0",
            id="negative",
        ),
    ],
)
def test_bad_coefficient_of_a_route_is_an_error(
    coefs: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_route_coefs(coefs, "abc", FusionRoutes())


def test_route_of_a_smaller_group_is_known() -> None:
    coefs = {"translations": {"a-to-b": 2}}
    expected = {("translations", "a-to-b"): 2.0}
    assert check_route_coefs(coefs, "abc", SimpleRoutes()) == expected
    with pytest.raises(UnknownNameError, match="unknown name 'a-to-a'"):
        check_route_coefs({"translations": {"a-to-a": 2}}, "abc", SimpleRoutes())
