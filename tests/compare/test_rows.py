import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from gwbricks.compare.compared_metrics import Metric
from gwbricks.compare.comparison import compare
from gwbricks.compare.folders import read_runs
from gwbricks.compare.rows import average, best, make_row, ranked, Row
from gwbricks.compare.run import ComparedRun

Make = Callable[..., ComparedRun]
LOSS = Metric("test/loss", "min")


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20))
def test_average_is_that_of_numpy(values: list[float]) -> None:
    found = average(values)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert found.std == pytest.approx(np.std(values, ddof=1), abs=1e-9)
    assert found.num_runs == len(values)


def test_one_run_has_no_deviation() -> None:
    assert average([2.0]) == (2.0, None, 1)


def test_runs_that_differ_in_their_seed_are_one_row(make_run: Make) -> None:
    runs = [
        make_run({"seed": seed, "lr": lr}, numbers={"test/loss": seed + lr})
        for lr in (1, 2)
        for seed in (0, 1, 2)
    ]
    rows = compare("", runs).rows
    assert [(row.values, len(row.runs)) for row in rows] == [
        ({"lr": 1}, 3),
        ({"lr": 2}, 3),
    ]
    assert rows[0].averages["test/loss"] == (2.0, 1.0, 3)


def test_seeds_alone_are_one_row(make_run: Make) -> None:
    rows = compare("", [make_run({"seed": seed}) for seed in (0, 1)]).rows
    assert [len(row.runs) for row in rows] == [2]


@pytest.mark.parametrize("by", [[], ["lr"]], ids=["found", "asked"])
def test_jobs_that_left_no_folder_have_their_row(
    run_folder: Callable[..., Path], tmp_path: Path, by: list[str]
) -> None:
    records = tmp_path / "outputs" / "sweep" / "jobs"
    records.mkdir(parents=True)
    for seed in (0, 1):
        parts = {"optimizer": {"lr": 0.003}, "v": {"optimizer": {"lr": 0.1}}}
        config = {**parts, "data": {"seed": seed}, "seed": seed}
        said = [f"seed={seed}", "optimizer.lr=0.003"]
        run_folder(f"sweep/{seed}", config, {"test": {"loss": seed}}, overrides=said)
        job = {"name": f"{seed}_bad", "status": "failed", "error": "no", "seconds": 1}
        job["overrides"] = [f"seed={seed}", "optimizer.lr=-1"]
        (records / f"{seed}.json").write_text(json.dumps(job))
    found = compare("", *read_runs([tmp_path]), by=by)
    assert [(row.values, row.statuses) for row in found.rows] == [
        ({"optimizer.lr": 0.003}, {"finished": 2}),
        ({"optimizer.lr": -1}, {"failed": 2}),
    ]
    assert found.rows[0].averages["test/loss"].std == pytest.approx(math.sqrt(0.5))
    assert found.notes == []


def test_asked_keys_average_over_the_others(make_run: Make) -> None:
    runs = [make_run({"lr": lr, "dim": dim}) for lr in (1, 2) for dim in (4, 8)]
    found = compare("", runs, by=["lr"])
    assert [len(row.runs) for row in found.rows] == [2, 2]
    assert found.notes == ["averaged over dim too"]


def test_each_run_can_be_a_row(make_run: Make) -> None:
    runs = [make_run({"seed": seed, "lr": 1}) for seed in (0, 1)]
    found = compare("", runs, each=True)
    assert [row.values for row in found.rows] == [
        {"seed": 0, "run": "0"},
        {"seed": 1, "run": "1"},
    ]


@pytest.mark.parametrize("status", ["failed", "running", "interrupted"])
def test_only_finished_runs_are_averaged(make_run: Make, status: str) -> None:
    runs = [
        make_run({}, numbers={"test/loss": 1.0}),
        make_run({}, numbers={"test/loss": 9.0}, status=status),
    ]
    row = make_row({}, runs)
    assert row.averages["test/loss"] == (1.0, None, 1)
    assert row.statuses == {"finished": 1, status: 1}


def rows_of(*means: float) -> list[Row]:
    return [Row({}, [], {"test/loss": average([mean])}) for mean in means]


@pytest.mark.parametrize(
    ("goal", "means", "marked"),
    [
        pytest.param("min", [2, 1, 3], [1], id="lowest"),
        pytest.param("max", [2, 1, 3], [3], id="highest"),
        pytest.param(None, [2, 1, 3], [], id="nobody-knows"),
        pytest.param("min", [2, 1, 1], [1, 1], id="tie"),
        pytest.param("min", [1], [], id="alone"),
        pytest.param("min", [math.nan, 2, 1], [1], id="nan"),
        pytest.param("max", [math.inf, 2, 1], [2], id="infinite"),
    ],
)
def test_best_is_marked(
    goal: str | None, means: list[float], marked: list[float]
) -> None:
    found = best(rows_of(*means), Metric("test/loss", goal))
    assert [row.averages["test/loss"].mean for row in found] == marked


def test_best_comes_first_and_nothing_last() -> None:
    rows = [*rows_of(2, math.nan, 1), Row({}, [], {})]
    order = [rows.index(row) for row in ranked(rows, LOSS)]
    assert order == [2, 0, 1, 3]


def test_values_are_in_their_own_order(make_run: Make) -> None:
    runs = [make_run({"lr": lr}) for lr in (None, 10, "auto", 9)]
    rows = compare("", runs).rows
    assert [row.values["lr"] for row in rows] == [9, 10, None, "auto"]


def test_runs_of_two_commits_are_told(make_run: Make) -> None:
    runs = [make_run({}, commit=commit) for commit in ("abcdefgh", None, "0123456789")]
    assert compare("", runs).notes == ["runs of 2 commits: 0123456, abcdefg"]
