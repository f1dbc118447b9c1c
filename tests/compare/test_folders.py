import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gwbricks.compare.folders import read_run, read_runs
from gwbricks.errors import ConfigError

Write = Callable[..., Path]


def test_finds_runs_below_any_folder(run_folder: Write, tmp_path: Path) -> None:
    run_folder("digits/2026-01-01", {"seed": 0})
    job = run_folder("sweeps/lr/000", {"seed": 0})
    for folder in (tmp_path, tmp_path / "outputs", job):
        runs, problems = read_runs([folder])
        assert problems == []
        assert len(runs) == (1 if folder == job else 2)
    runs, _ = read_runs([tmp_path, job])
    assert [run.name for run in runs] == ["digits/2026-01-01", "sweeps/lr/000"]


def test_reads_what_a_finished_run_left(run_folder: Write) -> None:
    config = {"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1}, "seed": 3}
    numbers = {"test": {"loss": 0.5, "confusion": [[1, 0], [0, 1]]}}
    folder = run_folder(
        "a", config, numbers, {"val/loss": [2, 1]}, overrides=["seed=3"]
    )
    (folder / "pictures" / "test").mkdir(parents=True)
    (folder / "pictures" / "test" / "confusion.png").write_bytes(b"x")
    (folder / "graph.svg").write_text("<svg/>")
    run = read_run(folder)
    assert (run.status, run.seconds, run.overrides) == ("finished", 90, ["seed=3"])
    assert run.config is not None
    assert run.config["optimizer"] == "torch.optim.SGD"
    assert run.config["optimizer.lr"] == 0.1
    assert run.numbers == {"test/loss": 0.5}
    assert sorted(run.pictures) == ["graph.svg", "test/confusion.png"]


def test_a_run_that_goes_on_has_its_last_numbers(run_folder: Write) -> None:
    run = read_run(run_folder("a", {}, None, {"val/loss": [2, 1]}, status="running"))
    assert (run.finished, run.seconds) == (False, None)
    assert run.numbers == {"val/loss": 1}


def test_a_failed_run_needs_no_config(run_folder: Write) -> None:
    run = read_run(run_folder("a", None, status="failed", error="ValueError: no"))
    assert (run.config, run.error) == (None, "ValueError: no")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("run.json", '{"status": "fin', id="cut-off"),
        pytest.param("run.json", "[]", id="other-json"),
        pytest.param("run.json", "{}", id="no-status"),
        pytest.param("config.yaml", "a: [", id="yaml"),
        pytest.param("config.yaml", "text", id="no-mapping"),
        pytest.param("metrics.csv", "step,a\n0,x\n", id="csv"),
        pytest.param("metrics.json", "[1]", id="metrics"),
    ],
)
def test_a_damaged_folder_is_named_and_stops_nothing(
    run_folder: Write, tmp_path: Path, file: str, text: str
) -> None:
    run_folder("good", {"seed": 0})
    bad = run_folder("bad", {"seed": 0})
    (bad / file).write_text(text)
    runs, problems = read_runs([tmp_path])
    assert [run.place for run in runs] == [str(tmp_path / "outputs" / "good")]
    assert len(problems) == 1
    assert problems[0].startswith(f"{bad}: cannot be read: ")


def test_a_job_that_left_no_folder_is_shown_if_it_failed(
    run_folder: Write, tmp_path: Path
) -> None:
    run_folder("sweep/0", {"lr": 0.1})
    records = tmp_path / "outputs" / "sweep" / "jobs"
    records.mkdir()
    for name, status in zip(
        "0123", ("finished", "failed", "killed", "pending"), strict=True
    ):
        job = {
            "name": name,
            "status": status,
            "overrides": [f"lr={name}"],
            "seconds": 2,
        }
        job["error"] = "ConfigError: no" if status == "failed" else None
        (records / f"{name}.json").write_text(json.dumps(job))
    (records / ".lock").write_text("")
    runs, problems = read_runs([tmp_path])
    assert problems == []
    assert [(run.name, run.status) for run in runs] == [
        *(("0", "finished"), ("1", "failed"), ("2", "failed"))
    ]
    assert (runs[1].error, runs[1].overrides) == ("ConfigError: no", ["lr=1"])
    assert Path(runs[1].place) == tmp_path / "outputs" / "sweep" / "1"


def test_a_folder_that_does_not_exist_names_its_neighbour(
    run_folder: Write, tmp_path: Path
) -> None:
    run_folder("sweeps/digits/0", {})
    with pytest.raises(
        ConfigError, match=r"no folder '.*dgits'. Did you mean '.*digits'"
    ):
        read_runs([tmp_path / "outputs" / "sweeps" / "dgits"])


def test_a_folder_without_runs_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no run in .* Expected folders with a run"):
        read_runs([tmp_path])
