from collections.abc import Mapping

import pytest
from hydra.errors import OverrideParseException
from hypothesis import given, strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from gwbricks.errors import ConfigError
from gwbricks.sweeps.search.space import Space


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("interval(0, 2)", FloatDistribution(0.0, 2.0), id="interval"),
        pytest.param(
            "tag(log, interval(1e-4, 1e-2))",
            FloatDistribution(1e-4, 1e-2, log=True),
            id="logarithmic",
        ),
        pytest.param("int(interval(1, 8))", IntDistribution(1, 8), id="int"),
        pytest.param(
            "tag(log, int(interval(1, 8)))", IntDistribution(1, 8, log=True), id="log"
        ),
        pytest.param("range(8, 33, 8)", IntDistribution(8, 32, step=8), id="range"),
        pytest.param("range(4, 1, -1)", IntDistribution(2, 4), id="backwards"),
        pytest.param(
            "range(0.5, 2.0, 0.5)", FloatDistribution(0.5, 1.5, step=0.5), id="floats"
        ),
        pytest.param(
            "choice(adam, sgd)", CategoricalDistribution(["adam", "sgd"]), id="choice"
        ),
        pytest.param("8,0.5", CategoricalDistribution([8, 0.5]), id="simple"),
        pytest.param(
            "true,null", CategoricalDistribution([True, None]), id="true-and-null"
        ),
        pytest.param(
            "[1,2],[3]", CategoricalDistribution(["[1,2]", "[3]"]), id="lists"
        ),
        pytest.param("'8',b", CategoricalDistribution(["'8'", "b"]), id="quoted"),
    ],
)
def test_overrides_are_read_as_hydra_reads_them(
    written: str, expected: BaseDistribution
) -> None:
    assert Space.parse({}, [f"key={written}"]).dimensions == {"key": expected}
    if "," in written and "(" in written:
        assert Space.parse({"key": written}, []).dimensions == {"key": expected}


def test_lists_of_a_config_are_choices_and_the_command_line_wins() -> None:
    space = {"a": [1, "x"], "b": "interval(0, 1)", "c": "range(3)"}
    found = Space.parse(space, ["b=5", "c=7,8", "seed=3"])
    assert found.dimensions == {
        "a": CategoricalDistribution([1, "x"]),
        "c": CategoricalDistribution([7, 8]),
    }
    assert found.fixed == ["b=5", "seed=3"]
    assert found.overrides({"a": "x", "c": 8}) == ["b=5", "seed=3", "a=x", "c=8"]


def test_grid_has_every_combination() -> None:
    given = ["a=x,y", "b=range(2)", "c=range(0.5, 2.5, 1.0)"]
    grid = Space.parse({}, given).grid()
    assert len(grid) == 8
    assert grid[0] == {"a": "x", "b": 0, "c": 0.5}
    assert grid[1] == {"a": "x", "b": 0, "c": 1.5}
    assert grid[-1] == {"a": "y", "b": 1, "c": 1.5}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_written_so_that_they_are_read_again(value: float) -> None:
    (override,) = Space({}).overrides({"lr": value})
    space = Space.parse({}, [override.replace("=", "=choice(") + ")"])
    assert space.first() == {"lr": value}


@pytest.mark.parametrize(
    ("space", "given", "message"),
    [
        pytest.param(
            {}, ["n=tag(log, int(interval(0, 8)))"], "n: .*starts at 0, .*Fix", id="log"
        ),
        pytest.param(
            {}, ["n=tag(log, interval(-1, 8))"], "starts at -1.0, which has", id="below"
        ),
        pytest.param({}, ["n=interval(2, 1)"], "n: .*ends before it sta", id="empty"),
        pytest.param({}, ["n=range(3, 3)"], "n: .*has no value", id="empty-range"),
        pytest.param({}, ["n=tag(lgo, choice(1, 2))"], "Known tags: log", id="tag"),
        pytest.param(
            {}, ["n=tag(log, choice(1, 2))"], r"Expected tag\(log, inter", id="choices"
        ),
        pytest.param({}, ["seed=1"], "space: nothing to search. Exp", id="nothing"),
        pytest.param({"lr": 0.1}, [], r"space: lr=0.1: one value", id="one-value"),
    ],
)
def test_impossible_space_is_an_error(
    space: Mapping[str, object], given: list[str], message: str
) -> None:
    with pytest.raises((ConfigError, OverrideParseException), match=message):
        Space.parse(space, given)


def test_grid_of_an_interval_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"^lr: an interval has no end.*sampler=tpe"):
        Space.parse({}, ["lr=interval(0, 1)", "n=1,2"]).grid()
