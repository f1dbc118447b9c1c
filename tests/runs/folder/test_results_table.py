import io
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from gwbricks.runs.folder.results_table import number, show_results


def shown(results: Mapping[str, Any], stage: str = "test") -> list[list[str]]:
    """Returns the words of each line that is printed."""
    file = io.StringIO()
    show_results(results, Console(file=file, width=200), stage)
    return [line.split() for line in file.getvalue().splitlines() if line.strip()]


def test_loss_is_first_and_other_stages_are_left_out() -> None:
    lines = shown({"test/accuracy": 0.5, "test/loss": 0.25, "val/loss": 0.75})
    assert lines[1] == ["metric", "value"]
    assert lines[3:] == [["loss", "0.25"], ["accuracy", "0.5"]]


def test_each_set_has_a_column_and_what_it_lacks_is_empty() -> None:
    lines = shown({"test/loss": 1.0, "test_ood/loss": 3.0, "test/accuracy": 0.5})
    assert lines[1] == ["metric", "test", "test_ood"]
    assert lines[3:] == [["loss", "1", "3"], ["accuracy", "0.5"]]


def test_measured_routes_have_a_table_and_losses_of_routes_none() -> None:
    results = {"test/r2/v-to-t": 0.5, "test/cycles/v-through-t": 0.1, "test/loss": 1.0}
    lines = shown(results)
    assert ["test,", "by", "route"] in lines
    assert ["v-to-t", "0.5"] in lines
    assert "v-through-t" not in {word for line in lines for word in line}


def test_matrix_is_printed_below_with_its_sets_name() -> None:
    row = [10000, 20000]  # wide enough for the names above
    lines = shown({"test/loss": 1.0, "test/recall": row, "test_a/each": [row, row]})
    words = list(map(str, row))
    assert lines[-5:] == [["recall"], words, ["test_a/each"], words, words]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(12345, "12345", id="whole"),
        pytest.param(12345.6, "12346", id="large"),
        pytest.param(0.00012344, "0.0001234", id="small"),
        pytest.param(float("nan"), "nan", id="nan"),
        pytest.param(float("-inf"), "-inf", id="infinite"),
    ],
)
def test_numbers_have_four_digits(value: float, expected: str) -> None:
    assert number(value) == expected
