from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from gwbricks.compare.curves import Curve, MOST_POINTS, read_curves, thin


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_each_column_has_its_own_steps(tmp_path: Path) -> None:
    text = "step,train/loss,val/loss\n0,3,\n1,2,\n1,,5\n2,1,\n2,,4\n"
    curves = read_curves(write(tmp_path / "metrics.csv", text))
    assert curves["train/loss"].steps.tolist() == [0, 1, 2]
    assert curves["val/loss"].steps.tolist() == [1, 2]
    assert curves["val/loss"].values.tolist() == [5, 4]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("step,train/loss\n0,3\n1,2\n2,1e-", [3, 2], id="cut-off"),
        pytest.param("step,train/loss\n0,3\n,9\n\n1,2\n", [3, 2], id="no-count"),
        pytest.param("train/loss\n3\n2\n", [3, 2], id="no-step"),
        pytest.param("step,train/loss\n0,nan\n1,2\n", [np.nan, 2], id="nan"),
    ],
)
def test_reads_what_a_run_left(tmp_path: Path, text: str, values: list[float]) -> None:
    curves = read_curves(write(tmp_path / "metrics.csv", text))
    np.testing.assert_array_equal(curves["train/loss"].values, values)


def test_header_alone_has_no_curves(tmp_path: Path) -> None:
    assert read_curves(write(tmp_path / "metrics.csv", "step,train/loss\n")) == {}


@given(values=st.lists(st.floats(-10, 10), min_size=1, max_size=2_000))
def test_thinning_keeps_ends_and_extremes(values: list[float]) -> None:
    thinned = thin(Curve(np.arange(len(values)), np.array(values)))
    assert len(thinned.steps) <= MOST_POINTS + 2
    assert (thinned.values[0], thinned.values[-1]) == (values[0], values[-1])
    assert (thinned.values.min(), thinned.values.max()) == (min(values), max(values))
    assert (np.diff(thinned.steps) > 0).all()
    assert [values[step] for step in thinned.steps] == thinned.values.tolist()
