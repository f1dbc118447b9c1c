"""What earlier versions left on disk is read by this one, and what later ones will not.

The fixtures of format 0 are of the last version that noted no format; see
`fixtures/record_formats.py`.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gwbricks.cli.main import main
from gwbricks.compare.folders import read_runs
from gwbricks.config.compose import compose
from gwbricks.config.saved import plain_config
from gwbricks.errors import FormatError
from gwbricks.experiment import kept_weights
from gwbricks.experiment.build import build_experiment
from gwbricks.experiment.pretrain import pretrain_domains
from gwbricks.formats import CHECKPOINT, RUN, SWEEP
from gwbricks.inference.evaluate import evaluate
from gwbricks.inference.loaded import load
from gwbricks.inference.predict import predict
from gwbricks.runs.folder.place import Place
from gwbricks.runs.folder.results import read_results
from gwbricks.runs.folder.run_folder import RunFolder
from gwbricks.runs.train import train
from gwbricks.sweeps import job_work
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.training.checkpoints import read_weights

FIXTURES = Path(__file__).parent / "fixtures"
FORMATS = sorted(path.name for path in FIXTURES.glob("format*"))
RUN_FOLDER, SWEEP_FOLDER = Path("outputs/none/run"), Path("outputs/sweeps/seeds")
LAST = RUN_FOLDER / "checkpoints" / "last.ckpt"
NEWER = 99


def put(name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Copies what a version left to where it would look for it."""
    left = FIXTURES / name
    shutil.copytree(left / "run", folder / RUN_FOLDER)
    shutil.copytree(left / "sweep", folder / SWEEP_FOLDER)
    shutil.copytree(left / "pretrained", folder / "outputs" / "pretrained")
    shutil.copy(left / "rows.npz", folder)
    monkeypatch.chdir(folder)


@pytest.fixture(params=FORMATS)
def _left(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(request.param, monkeypatch, tmp_path)


def overrides(*further: str) -> list[str]:
    """Returns what the run was started with, and more."""
    return [*yaml.safe_load((RUN_FOLDER / "overrides.yaml").read_text()), *further]


@pytest.fixture
def _same_versions(monkeypatch: pytest.MonkeyPatch, _left: None) -> None:
    """Has the versions be those that the key of a pretrained file was made of."""
    versions = RunFolder(RUN_FOLDER).read()["versions"]
    known = type(torch.__version__)(versions["torch"])
    monkeypatch.setattr(torch, "__version__", known)
    monkeypatch.setattr(kept_weights, "__version__", versions["gwbricks"])


def test_the_present_formats_have_fixtures_and_so_do_all_before() -> None:
    newest = max(RUN, CHECKPOINT, SWEEP)
    assert [f"format{number}" for number in range(newest + 1)] == FORMATS


@pytest.mark.usefixtures("_left")
def test_evaluating_a_run_gives_its_numbers() -> None:
    numbers = read_results(RUN_FOLDER / "metrics.json")
    found = evaluate(RUN_FOLDER)
    assert "test/loss" in found
    assert found == pytest.approx({name: numbers[name] for name in found}, rel=1e-5)


@pytest.mark.usefixtures("_left")
def test_comparison_reads_runs_and_jobs() -> None:
    runs, problems = read_runs([Path("outputs")])
    assert problems == []
    found = {run.name: run.status for run in runs}
    assert found == {
        "none/run": "finished",
        "sweeps/seeds/000_seed=0": "finished",
        "sweeps/seeds/001_seed=1": "interrupted",
    }
    assert all(run.numbers["test/loss"] > 0 for run in runs if run.finished)


@pytest.mark.usefixtures("_same_versions")
def test_pretrained_weights_are_found_and_used_again() -> None:
    experiment = build_experiment(plain_config(compose(overrides())))
    told: list[str] = []
    files = pretrain_domains(
        experiment.config, experiment.own_domains, experiment.data, tell=told.append
    )
    (path,) = Path("outputs/pretrained").glob("*.ckpt")
    assert files == {"domains.v": path}
    assert told == [f"domain v: pretrained before ({path})"]


@pytest.mark.usefixtures("_left")
@pytest.mark.filterwarnings("ignore:callbacks.checkpoint. the best checkpoint so far")
def test_training_goes_on_from_a_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    cfg = compose(overrides("trainer.max_epochs=3"))
    results = train(cfg, Place("none", "longer"), ckpt_path=str(LAST))
    assert f"going on from {LAST}, with 2 whole epochs" in capsys.readouterr().out
    before = torch.load(LAST, weights_only=True)
    after = torch.load("outputs/none/longer/checkpoints/last.ckpt", weights_only=True)
    assert before["global_step"] < after["global_step"]
    assert after["epoch"] == 2
    assert results["test/loss"] > 0


@pytest.mark.slow
@pytest.mark.usefixtures("_left")
def test_sweep_is_completed_and_does_not_repeat_what_has_finished(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sweep = SweepFolder(SWEEP_FOLDER)
    finished, interrupted, pending = sweep.jobs()
    shared = [o for o in finished.overrides if o != "seed=0"]
    assert main(["train", "-m", *shared, "seed=0,1,2"]) == 0
    assert "1 of 3 jobs ended before" in capsys.readouterr().out
    now = sweep.jobs()
    assert now[0] == finished
    assert [job.identity for job in now[1:]] == [
        interrupted.identity,
        pending.identity,
    ]
    assert {job.status for job in now} == {"finished"}
    assert "going on from" in sweep.log(interrupted.identity).read_text()
    assert "going on from" not in sweep.log(pending.identity).read_text()


def newer_json(path: Path) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "format": NEWER}))


def newer_checkpoint(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    torch.save({**content, "gwbricks_format": NEWER}, path)


@pytest.fixture
def _newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a version that is to come might leave."""
    put(FORMATS[-1], monkeypatch, tmp_path)
    for name in ("run.json", "jobs/*.json"):
        for path in tmp_path.rglob(name):
            newer_json(path)
    for path in tmp_path.rglob("*.ckpt"):
        newer_checkpoint(path)


def resume() -> None:
    cfg = compose(overrides("trainer.max_epochs=3"))
    train(cfg, Place("none", "longer"), ckpt_path=str(LAST))


def keep_pretrained() -> None:
    (path,) = Path("outputs/pretrained").glob("*.ckpt")
    kept_weights.keep(path, "v", "domains.v", dict, print)


READERS: dict[str, tuple[Callable[[], Any], str]] = {
    "evaluate": (lambda: evaluate(RUN_FOLDER), "best.ckpt"),
    "load": (lambda: load(RUN_FOLDER), "best.ckpt"),
    "predict": (lambda: predict(RUN_FOLDER, "test", Path("x.npz")), "best.ckpt"),
    "from": (lambda: read_weights(RUN_FOLDER, "bricks.a.from"), "best.ckpt"),
    "ckpt_path": (resume, "last.ckpt"),
    "pretrained": (keep_pretrained, "pretrained/v-"),
    "run": (RunFolder(RUN_FOLDER).read, "run.json"),
    "sweep": (SweepFolder(SWEEP_FOLDER).jobs, "jobs/"),
    "job": (lambda: job_work._last_checkpoint(RUN_FOLDER), "last.ckpt"),
}


@pytest.mark.usefixtures("_newer")
@pytest.mark.parametrize("reader", READERS)
def test_what_a_newer_version_wrote_is_told_with_both_formats(reader: str) -> None:
    read, file = READERS[reader]
    known = "is of format 99, and gwbricks .* reads formats up to 1. Fix: a newer gw"
    with pytest.raises(FormatError, match=f"{file}.*{known}"):
        read()


@pytest.mark.usefixtures("_newer")
def test_comparison_tells_what_a_newer_version_wrote() -> None:
    runs, problems = read_runs([Path("outputs")])
    assert runs == []
    assert len(problems) == 6
    assert all("is of format 99" in problem for problem in problems)


@pytest.mark.usefixtures("_newer")
@pytest.mark.parametrize("command", ["status", "evaluate"])
def test_command_line_tells_what_a_newer_version_wrote(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = SWEEP_FOLDER if command == "status" else RUN_FOLDER
    assert main([command, str(folder)]) == 2
    assert "is of format 99, and gwbricks" in capsys.readouterr().err


@pytest.mark.usefixtures("_left")
def test_what_is_left_names_no_machine() -> None:
    for path in filter(Path.is_file, Path().rglob("*")):
        content = path.read_bytes()
        for word in (b"/tmp/", b"/home/", b"/root"):
            assert word not in content, path
