from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from gwbricks.errors import ConfigError
from gwbricks.runs.folder.results import (
    by_stage,
    is_of,
    measured,
    optimized_metric,
    read_results,
    route_of,
    route_tables,
    save_results,
)

METRICS = st.from_regex(r"[a-z@0-9-]{1,8}(/[a-z+-]{1,8})?", fullmatch=True)
NAMES = st.tuples(st.sampled_from(["train", "val", "test", "test_ood"]), METRICS)
NUMBERS = st.floats(allow_nan=False) | st.lists(st.integers(), max_size=3)


@given(results=st.dictionaries(NAMES.map("/".join), NUMBERS))
def test_what_is_saved_is_read_again(
    results: dict[str, float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("run") / "metrics.json"
    save_results(results, path)
    assert read_results(path) == results


def test_results_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_results(tmp_path / "metrics.json")


def test_order_of_results_does_not_matter() -> None:
    found = by_stage({"val/b": 3, "test/loss": 1, "val/a/v-to-t": 2})
    assert list(found) == ["test", "val"]
    assert list(found["val"].items()) == [("a/v-to-t", 2), ("b", 3)]


@pytest.mark.parametrize(
    ("set_name", "expected"),
    [("val", True), ("val_noisy", True), ("value", False), ("test_val", False)],
)
def test_further_sets_are_of_the_stage_they_start_with(
    set_name: str, expected: bool
) -> None:
    assert is_of("val", set_name) == expected


def test_number_that_a_sweep_optimises_may_be_whole() -> None:
    assert optimized_metric({"val/loss": 2}, "val/loss") == 2.0


def test_number_that_is_not_there_names_the_close_match() -> None:
    with pytest.raises(ConfigError, match=r"no 'val/los'\. Did you mean 'val/loss'\?"):
        optimized_metric({"val/loss": 2.0}, "val/los")


@pytest.mark.parametrize(
    ("name", "route"),
    [
        pytest.param("r2/v-to-t", "v-to-t", id="translation"),
        pytest.param("cycles/v-through-t", "v-through-t", id="cycle"),
        pytest.param("contrastives/t-and-v", "t-and-v", id="contrast"),
        pytest.param("test_a/mse/a+v-to-t", "a+v-to-t", id="of-a-set"),
        pytest.param("v-to-t", "", id="metric-called-as-a-route"),
        pytest.param("accuracy/v", "", id="domain"),
    ],
)
def test_route_of_a_number_is_its_last_part(name: str, route: str) -> None:
    assert route_of(name) == route


def test_routes_with_retrieval_come_first_and_losses_are_not_measured() -> None:
    numbers = {
        "r2/v-to-v": 0.5,
        "cycles/v-through-t": 0.1,
        "recall@1/v-to-t": 0.9,
        "r2/v-to-t": 0.4,
        "r2/a+v-to-t": 0.3,
        "loss": 2.0,
    }
    assert list(measured(numbers).items()) == [
        ("v-to-t", {"recall@1": 0.9, "r2": 0.4}),
        ("v-to-v", {"r2": 0.5}),
        ("a+v-to-t", {"r2": 0.3}),
    ]


def test_table_of_routes_leaves_gaps_and_sets_without_routes_out() -> None:
    results = {"test/recall@1/v-to-t": 0.9, "test/r2/v-to-t": 0.4, "test/r2/v-to-v": 1}
    assert route_tables({**results, "val/loss": 1.0}) == {
        "test": (["r2", "recall@1"], [["v-to-t", 0.4, 0.9], ["v-to-v", 1, None]])
    }
