"""What `hydra/launcher=…` says when it cannot work here."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gwbricks.sweeps import job_launcher

Cli = Callable[..., Any]
FAKE = Path(__file__).parents[1] / "sweeps" / "fake_slurm.py"


@pytest.fixture
def _slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the commands that a sweep needs on the path."""
    (tmp_path / "queue").mkdir()
    for name in ("sbatch", "squeue", "srun"):
        (tmp_path / name).write_text(f"#!{sys.executable}\n{FAKE.read_text()}")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_slurm_needs_a_login_node(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    status, _, err = cli("train", "-m", "seed=0,1", "hydra/launcher=slurm")
    assert status == 2
    assert err == (
        "gwbricks: error: hydra/launcher=slurm: no sbatch here. Fix: run it on the"
        " login node of the cluster, or hydra/launcher=submitit_local.\n"
    )


@pytest.mark.parametrize(("launcher", "extra"), [("slurm", "sweeps"), ("ray", "ray")])
def test_launcher_that_is_not_installed_names_its_extra(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, launcher: str, extra: str
) -> None:
    monkeypatch.setattr(job_launcher, "find_spec", lambda name: None)
    status, _, err = cli("train", "-m", "seed=0,1", f"hydra/launcher={launcher}")
    assert status == 2
    assert f"hydra/launcher={launcher}: not installed." in err
    assert f"Fix: pip install 'gwbricks[{extra}]'." in err


@pytest.mark.usefixtures("_slurm")
@pytest.mark.parametrize(
    ("override", "message"),
    [
        pytest.param(
            "hydra.launcher.partition=none",
            "hydra/launcher=slurm: sbatch: error: invalid partition specified: none\n",
            id="that-slurm-refuses",
        ),
        pytest.param(
            "hydra.launcher.timeout_min=long",
            'slurm: Parameter "timeout_min" expected type',
            id="that-submitit-refuses",
        ),
        pytest.param(
            "hydra.launcher.poll_s=often",
            "hydra.launcher.poll_s: 'often'. Expected a number, 0 or more.",
            id="of-our-own",
        ),
        pytest.param(
            "hydra.launcher.partitio=gpu",
            "the config has no key 'hydra.launcher.partitio'. Did you mean 'partition'",
            id="unknown",
        ),
    ],
)
def test_wrong_setting_is_an_error_and_no_job_is_lost(
    cli: Cli, override: str, message: str
) -> None:
    slurm = ("train", "-m", "seed=0,1", "hydra/launcher=slurm", "sweep.name=mine")
    status, out, err = cli(*slurm, override)
    assert status == 2
    assert message in err
    assert "killed" not in out


def test_launchers_of_plugins_are_known_names_too(cli: Cli) -> None:
    status, _, err = cli("train", "-m", "seed=0,1", "hydra/launcher=jobli")
    assert status == 2
    assert "hydra/launcher=jobli: unknown option. Did you mean 'joblib'?" in err


@pytest.mark.slow
def test_what_does_not_train_needs_no_launcher(cli: Cli) -> None:
    status, _, err = cli("check", "-m", "seed=0,1", "hydra/launcher=slurm")
    assert (status, err) == (0, "")
