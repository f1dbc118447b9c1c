import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gwbricks.domains import LinearDomain
from gwbricks.domains.autoencoder import AutoencoderDomain
from gwbricks.inference.evaluate import evaluate

Cli = Callable[..., Any]

SHORT = [
    "logger=csv",
    "trainer.max_epochs=1",
    "domains.domain1.pretrain.trainer.max_epochs=1",
]
GWBRICKS = [sys.executable, "-m", "gwbricks"]


def runs(folder: Path = Path("outputs")) -> list[Path]:
    return sorted(path.parent for path in folder.rglob("run.json"))


def printed_by_jobs(folder: Path = Path("outputs")) -> str:
    return "".join(path.read_text() for path in folder.rglob("jobs/*.log"))


@pytest.mark.slow
def test_run_goes_by_experiment_and_time(cli: Cli) -> None:
    status, out, err = cli("train", *SHORT)
    (run,) = runs()
    assert (status, err) == (0, "")
    assert run.parent == Path("outputs/main_example")
    assert f"run folder: {run}\n" in out
    assert out.count(": pretraining") == 2
    assert yaml.safe_load((run / "overrides.yaml").read_text()) == SHORT


@pytest.mark.slow
def test_results_can_be_tested_again(cli: Cli) -> None:
    cli("train", *SHORT)
    (run,) = runs()
    status, out, _ = cli("evaluate", str(run))
    numbers = json.loads((run / "metrics.json").read_text())["test"]
    assert status == 0
    assert f"{numbers['loss']:.4g}" in out
    assert cli("evaluate", str(run), "data.num_test=8").out != out


@pytest.mark.slow
def test_run_goes_on_from_a_checkpoint(cli: Cli) -> None:
    cli("train", *SHORT, "scheduler=null")
    last = runs()[0] / "checkpoints" / "last.ckpt"
    options = [*SHORT, "scheduler=null", "trainer.max_epochs=2"]
    assert cli("train", *options, f"ckpt_path={last}").status == 0
    found = [torch.load(r / "checkpoints" / "last.ckpt") for r in runs()]
    assert sorted(checkpoint["global_step"] for checkpoint in found) == [8, 16]


def test_config_is_shown_and_not_run(cli: Cli, tmp_path: Path) -> None:
    status, out, _ = cli("train", "--cfg", "job", "seed=5")
    assert status == 0
    assert yaml.safe_load(out)["seed"] == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_sweep_makes_a_run_for_each_value_and_pretrains_once(cli: Cli) -> None:
    status, out, _ = cli("train", "-m", *SHORT, "seed=0,1", "workspace.dim=4,8")
    found = runs()
    assert status == 0
    assert len(found) == 4
    assert len({run.parent for run in found}) == 1
    assert found[0].parent.parent == Path("outputs/sweeps")
    assert [run.name[:3] for run in found] == ["000", "001", "002", "003"]
    assert "seed=1" in found[2].name
    assert printed_by_jobs().count(": pretraining") == 2
    assert "4 jobs: 4 finished\n" in out
    seeds = [json.loads((run / "run.json").read_text())["seed"] for run in found]
    assert seeds == [0, 0, 1, 1]


@pytest.mark.slow
def test_sweep_can_be_named(cli: Cli) -> None:
    cli("train", "-m", *SHORT, "seed=0,1", "sweep.name=../mine")
    assert not list(Path().rglob("multirun.yaml"))
    assert len(runs(Path("outputs/sweeps/mine"))) == 2
    assert {path.name for path in Path().iterdir()} == {"outputs"}


@pytest.mark.slow
def test_sweep_over_experiments_has_one_folder(cli: Cli) -> None:
    options = ["experiment=main_example,digits_classifier", "debug=one_batch"]
    status, _, err = cli("train", "-m", *options, "scheduler=null")
    assert (status, err) == (0, "")
    assert len({run.parent for run in runs()}) == 1


@pytest.mark.slow
def test_failing_job_of_a_sweep_does_not_stop_the_others(cli: Cli) -> None:
    status, _, err = cli("train", "-m", *SHORT, "optimizer.lr=-1,0.001,-2")
    assert status == 1
    assert len(runs()) == 1
    assert "2 jobs failed:\n" in err
    for rate in ("-1", "-2"):
        assert f"optimizer.lr={rate}" in err
        assert f"optimizer: Invalid learning rate: {rate}" in err
    assert "Traceback" not in err


def test_sweep_with_a_mistake_in_every_job_starts_none(
    cli: Cli, tmp_path: Path
) -> None:
    status, _, err = cli("train", "-m", *SHORT, "seed=0,1", "workspace.dimm=4")
    assert status == 2
    assert "mean 'dim'?" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_secrets_are_not_saved(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_PATH", "hidden-1")
    secrets = ["+logger.csv.prefix=${oc.env:SECRET_PATH}", "+sweep.api_key=hidden-2"]
    assert cli("train", *SHORT, *secrets).status == 2  # nothing reads sweep.api_key
    secrets[1] = "+domains.domain1.module.api_key=hidden-2"
    monkeypatch.setattr(LinearDomain, "__init__", _takes_a_key)
    status, _, err = cli("train", *SHORT, *secrets)
    assert (status, err) == (0, "")
    (run,) = runs()
    for path in (p for p in run.rglob("*") if p.is_file() and p.suffix != ".csv"):
        content = path.read_bytes()
        assert b"hidden-2" not in content, path
        assert b"hidden-1" not in content, path
    saved = (run / "overrides.yaml").read_text() + (run / "config.yaml").read_text()
    assert saved.count("${oc.env:SECRET_PATH}") == 2
    assert saved.count("***") == 2


def _takes_a_key(
    self: AutoencoderDomain, data_dim: int, latent_dim: int, api_key: str = ""
) -> None:
    encoder = torch.nn.Linear(data_dim, latent_dim)
    decoder = torch.nn.Linear(latent_dim, data_dim)
    AutoencoderDomain.__init__(self, latent_dim, encoder, decoder)


REFERENCE = "scheduler.max_lr=${optimizer.lr}"


def test_overrides_are_saved_as_they_were_given(cli: Cli) -> None:
    assert cli("train", *SHORT, REFERENCE).status == 0
    (run,) = runs()
    assert yaml.safe_load((run / "overrides.yaml").read_text())[-1] == REFERENCE


def inspect(run: Path) -> list[dict[str, Any]]:
    """Returns the records of a run's W&B file."""
    (file,) = run.glob("wandb/offline-run-*/run-*.wandb")
    wandb = Path(sys.executable).with_name("wandb")
    command = [wandb, "leet", "inspect", "--json", file]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_sweep_makes_two_wandb_runs_in_one_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = [*GWBRICKS, "train", "-m", *SHORT[1:], "seed=0,1"]
    subprocess.run(command, capture_output=True, text=True, check=True)
    found = runs()
    assert len(found) == 2
    assert printed_by_jobs().count(": pretraining") == 2
    groups = set()
    for seed, run in enumerate(found):
        records = inspect(run)
        text = json.dumps(records)
        assert {"run", "history", "summary"} <= {r["type"] for r in records}
        assert "val/loss" in text
        assert "test/loss" in text
        (start,) = [r["run"] for r in records if r["type"] == "run"][:1]
        groups.add(start["run_group"])
        config = start["config"]["update"]
        assert config["seed"] == seed
        assert config["scheduler"]["max_lr"] == 1e-3
        history = [r for r in records if r["type"] == "history"]
        assert len(history) >= 8
        (log,) = run.glob("wandb/offline-run-*/logs/debug-core.log")
        assert "parent process exited" not in log.read_text()  # it was waited for
    assert groups == {found[0].parent.name}


@pytest.mark.slow
def test_processes_that_start_at_once_pretrain_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = [*GWBRICKS, "train", *SHORT]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    out = "".join(process.communicate()[0] for process in started)
    assert [process.returncode for process in started] == [0, 0]
    assert out.count(": pretraining") == 2
    assert out.count(": pretrained before") == 2
    assert len(runs()) == 2


ORDERED = """# @package _global_
# A workspace and a probe, in some order.
defaults:
{defaults}
  - _self_
  - override /data: digits

data: {{matched: 200}}
loss_coefs: {{demi_cycles: 1.0, translations: 1.0, contrastives: 0.1, probe: 1.0}}
trainer: {{max_epochs: 1}}
"""
DEFAULTS = [
    "  - /domain@domains.kar: digits_kar",
    "  - /domain@domains.pix: digits_pix",
    "  - /domain@domains.mor: digits_mor",
    "  - /bricks@bricks: [gw, route_metrics, digit_probe]",
]


@pytest.mark.slow
def test_hash_seed_and_order_of_the_yaml_do_not_change_a_weight(tmp_path: Path) -> None:
    weights = []
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        (folder / "configs" / "experiment").mkdir(parents=True)
        bricks = "  - /bricks@bricks: [digit_probe, route_metrics, gw]"
        lines = [*DEFAULTS[2::-1], bricks] if seed else DEFAULTS
        text = ORDERED.format(defaults="\n".join(lines))
        (folder / "configs" / "experiment" / "mine.yaml").write_text(text)
        epochs = [
            f"domains.{d}.pretrain.trainer.max_epochs=1" for d in ("kar", "pix", "mor")
        ]
        subprocess.run(
            [*GWBRICKS, "train", "experiment=mine", "logger=csv", *epochs],
            check=True,
            capture_output=True,
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        )
        (path,) = folder.rglob("last.ckpt")
        weights.append(torch.load(path, weights_only=True)["state_dict"])
    assert weights[0].keys() == weights[1].keys()
    assert len(weights[0]) > 30
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name


@pytest.mark.slow
def test_evaluation_by_another_process_gives_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run([*GWBRICKS, "train", *SHORT], check=True, capture_output=True)
    (run,) = runs()
    numbers = json.loads((run / "metrics.json").read_text())["test"]
    again = evaluate(run)
    assert {f"test/{k}": v for k, v in numbers.items()} == pytest.approx(
        again, rel=1e-6
    )
