import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from gwbricks.compare.comparison import compare
from gwbricks.compare.run import ComparedRun
from gwbricks.compare.spreadsheet import write_csv

Make = Callable[..., ComparedRun]


def test_numbers_have_all_their_digits(make_run: Make, tmp_path: Path) -> None:
    runs = [
        make_run({"seed": s, "lr": 0.1}, numbers={"test/loss": 1 / (3 + s), "x": 1})
        for s in (0, 1)
    ]
    runs.append(make_run({"seed": 0, "lr": None}, status="failed"))
    path = tmp_path / "table.csv"
    write_csv(compare("", runs, metrics=["test/loss"]), path, every_metric=False)
    first, second = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    mean = (1 / 3 + 1 / 4) / 2
    assert float(first["test/loss"]) == mean
    assert float(first["test/loss std"]) == pytest.approx((1 / 3 - 1 / 4) / 2**0.5)
    assert (first["lr"], first["n"], first["finished"]) == ("0.1", "2", "2")
    assert (second["lr"], second["n"], second["finished"]) == ("null", "1", "0")
    assert second["test/loss"] == ""
    assert "x" not in first
    write_csv(compare("", runs, metrics=["test/loss"]), path, every_metric=True)
    assert "x std" in path.read_text(encoding="utf-8")
