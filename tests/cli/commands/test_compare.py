import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs" / "compare.md"
COMMANDS = re.findall(
    r"^gwbricks (compare SWEEP.*)$", DOCS.read_text(encoding="utf-8"), re.M
)

Cli = Callable[..., Any]
Write = Callable[..., Path]


@pytest.fixture
def sweep(run_folder: Write) -> Path:
    """Two settings of two seeds, one run of which failed, one of which goes on."""
    for lr, seed in ((0.1, 0), (0.1, 1), (0.01, 0), (0.01, 1)):
        job = 2 * (lr < 0.1) + seed
        config = {"optimizer": {"lr": lr}, "seed": seed}
        numbers = {"val": {"loss": lr + seed}, "test": {"accuracy": 1 - lr}}
        run_folder(f"sweeps/lr/{job}", config, numbers, {"val/loss": [2.0, lr + seed]})
    config = {"optimizer": {"lr": 0.5}, "seed": 0}
    error = "DivergedError: train/loss is nan.\nmore"
    run_folder("sweeps/lr/4", config, status="failed", error=error)
    folder = run_folder("sweeps/lr/5", config, status="running")
    return folder.parent


def test_shows_mean_and_deviation_with_the_best_marked(cli: Cli, sweep: Path) -> None:
    status, out, err = cli("compare", str(sweep))
    assert (status, err) == (0, "")
    assert out.startswith("lr: 6 runs (4 finished, 1 running, 1 failed), 3 settings\n")
    lines = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines()]
    assert ["0.01", "2", "0.51 ± 0.71 *", "0.99 ± 0 *"] in lines
    assert ["0.1", "2", "0.60 ± 0.71", "0.9 ± 0"] in lines
    assert ["0.5", "(1 running, 1 failed)", "2", "-", "-"] in lines
    assert "\nfailed: 4: DivergedError: train/loss is nan.\n" in out
    assert f"written: {sweep}/compare.html" in out
    assert (sweep / "compare.html").stat().st_size > 20_000


def test_keys_and_metrics_can_be_chosen(cli: Cli, sweep: Path) -> None:
    args = ("--by", "seed", "--metric", "test/*:min", "-o", "page.html")
    status, out, _ = cli("compare", str(sweep), *args)
    assert status == 0
    assert "accuracy ↓" in out
    assert "val/" not in out
    assert "averaged over optimizer.lr too" in out


def test_each_run_can_have_its_row(cli: Cli, sweep: Path) -> None:
    _, out, _ = cli("compare", str(sweep), "--each", "-o", "page.html")
    assert "6 settings" in out


def test_writes_what_the_endings_say(cli: Cli, sweep: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    files = ("a/page.html", "a/table.csv", "a/figure.png", "a/figure.svg")
    status, out, _ = cli("compare", str(sweep), *(a for f in files for a in ("-o", f)))
    assert status == 0
    starts = [(tmp_path / file).read_bytes()[:14] for file in files]
    assert [s[:8] for s in starts[:3]] == [
        b"<!doctyp",
        b"optimize",
        b"\x89PNG\r\n\x1a\n",
    ]
    assert all(f"written: {file}" in out for file in files)
    assert not (sweep / "compare.html").exists()


def test_a_folder_that_cannot_be_read_is_named(cli: Cli, sweep: Path) -> None:
    (sweep / "0" / "run.json").write_text("{")
    status, out, _ = cli("compare", str(sweep))
    assert status == 0
    assert "lr: 5 runs" in out
    assert f"{sweep / '0'}: cannot be read: " in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(
            [], "compare: the following arguments are required: FOLDER", id="none"
        ),
        pytest.param(
            ["SWEEPS/lrr"],
            "no folder 'SWEEPS/lrr'. Did you mean 'SWEEPS/lr'?",
            id="folder",
        ),
        pytest.param(
            ["SWEEPS/lr", "--by", "opt.lr"],
            "--by: unknown name 'opt.lr'. Did",
            id="key",
        ),
        pytest.param(
            ["SWEEPS/lr", "--metric", "val/los"],
            "Did you mean 'val/loss'?",
            id="metric",
        ),
        pytest.param(
            ["SWEEPS/lr", "-o", "a.txt"],
            "-o: 'a.txt'. Expected a file that",
            id="ending",
        ),
        pytest.param(
            ["SWEEPS/lr", "-o", "SWEEPS/lr/0/run.json/a.csv"],
            "-o: cannot write",
            id="path",
        ),
        pytest.param(
            ["SWEEPS/lr", "--bye"], "compare: unrecognized arguments: --bye", id="flag"
        ),
        pytest.param(
            ["wandb:lab"], "wandb:lab: expected wandb:ENTITY/PROJECT/GROUP", id="wandb"
        ),
    ],
)
def test_mistakes_are_told(
    cli: Cli, sweep: Path, args: list[str], message: str
) -> None:
    place = str(sweep.parent)
    status, _, err = cli("compare", *(arg.replace("SWEEPS", place) for arg in args))
    assert status == 2
    assert message.replace("SWEEPS", place) in err


def test_runs_none_of_which_can_be_read_are_told(cli: Cli, run_folder: Write) -> None:
    folder = run_folder("a", {})
    (folder / "config.yaml").write_text("a: [")
    status, _, err = cli("compare", str(folder))
    assert status == 2
    assert f"compare: no run can be read:\n  {folder}: cannot be read" in err


def test_runs_without_numbers_can_be_compared(cli: Cli, run_folder: Write) -> None:
    folder = run_folder("a/0", {"lr": 1}, status="running")
    run_folder("a/1", {"lr": 2}, status="running")
    status, out, _ = cli("compare", str(folder.parent))
    assert (status, "2 running" in out) == (0, True)


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_command_works(cli: Cli, run_folder: Write, command: str) -> None:
    if "figure" in command:
        pytest.importorskip("matplotlib")
    for lr, matched in ((0.1, 30), (0.2, 30), (0.1, 300)):
        config = {"optimizer": {"lr": lr}, "data": {"matched": matched}, "seed": 0}
        test = {"loss": lr, "accuracy": {"fused": lr}, "r2": {"a": lr}}
        numbers = {"val": {"loss": lr}, "test": test}
        folder = run_folder(f"sweep/{lr}-{matched}", config, numbers)
    args = shlex.split(command.replace("SWEEP", str(folder.parent)))
    status, out, err = cli(*args)
    assert (status, err) == (0, "")
    assert "written: " in out
