from pathlib import Path
from typing import Any

from gwbricks.training.callbacks.metrics_file import MetricsFile


def log(folder: Path, *rows: tuple[int, dict[str, Any]]) -> list[str]:
    """Logs in a folder, as a run of its own, and returns the lines of the file."""
    logger = MetricsFile(folder, name="", version="")
    for step, values in rows:
        logger.log_metrics(values, step)
    logger.save()
    return (folder / "metrics.csv").read_text().splitlines()


def test_run_that_goes_on_replaces_what_came_after_its_checkpoint(
    tmp_path: Path,
) -> None:
    before = log(tmp_path, *((step, {"loss": float(step)}) for step in range(4)))
    assert before == ["loss,step", "0.0,0", "1.0,1", "2.0,2", "3.0,3"]
    after = log(tmp_path, (2, {"loss": 20.0}), (3, {"loss": 30.0}))
    assert after == [*before[:3], "20.0,2", "30.0,3"]


def test_run_that_goes_on_keeps_all_when_it_logs_nothing(tmp_path: Path) -> None:
    before = log(tmp_path, (0, {"loss": 1.0}))
    assert log(tmp_path) == before


def test_new_name_gets_a_column_and_earlier_rows_are_kept(tmp_path: Path) -> None:
    log(tmp_path, (0, {"loss": 1.0}))
    lines = log(tmp_path, (1, {"loss": 2.0, "rate": 0.5}))
    assert [sorted(line.split(",")) for line in lines] == [
        ["loss", "rate", "step"],
        ["", "0", "1.0"],
        ["0.5", "1", "2.0"],
    ]


def test_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    log(tmp_path, (0, {"loss": 1.0}))
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("2.")
    assert log(tmp_path, (1, {"loss": 3.0})) == ["loss,step", "1.0,0", "3.0,1"]
