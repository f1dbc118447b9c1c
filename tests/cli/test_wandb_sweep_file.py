"""The file for W&B's own sweeps, as its agent would run it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import (
    create_sweep_command,
    create_sweep_command_args,
)

from gwbricks.config.compose import compose
from gwbricks.config.problems import config_problems
from gwbricks.config.search_path import packaged_configs

FILE = yaml.safe_load((packaged_configs() / "wandb_sweep.yaml").read_text())


def command(values: dict[str, Any]) -> list[str]:
    """Returns what W&B's agent would run for some values."""
    arguments = create_sweep_command_args(
        {"args": {name: {"value": value} for name, value in values.items()}}
    )
    macros = {**arguments, "env": ["/usr/bin/env"]}
    filled = []
    for part in create_sweep_command(list(FILE["command"])):
        is_macro = part.startswith("${") and part.endswith("}")
        filled += macros[part[2:-1]] if is_macro else [part]
    return filled


def test_agent_runs_a_command_that_hydra_takes() -> None:
    given = {name: p.get("values", [p.get("min")])[0] for name, p in PARAMETERS.items()}
    env, program, train, *overrides = command(given)
    assert (env, program, train) == ("/usr/bin/env", FILE["program"], "train")
    cfg = compose(overrides)
    assert config_problems(cfg) == []
    assert cfg.optimizer.lr == given["optimizer.lr"]
    assert cfg.workspace.dim == given["workspace.dim"]
    assert cfg.logger.wandb.mode == "online"


PARAMETERS = FILE["parameters"]


@pytest.mark.slow
def test_run_of_an_agent_has_the_agents_id(
    tmp_path: Path, read_wandb_file: Callable[[Path], Any]
) -> None:
    parameters = {"optimizer.lr": {"value": 0.002}}
    (tmp_path / "values.yaml").write_text(
        yaml.safe_dump({"wandb_version": 1, **parameters})
    )
    own = {
        "WANDB_SWEEP_ID": "sweep1",
        "WANDB_RUN_ID": "agent1",
        "WANDB_SWEEP_PARAM_PATH": str(tmp_path / "values.yaml"),
    }
    args = ["optimizer.lr=0.002", "trainer.max_epochs=1", "data.num_train=64"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "gwbricks",
            "train",
            "logger.wandb.job_type=train",
            *args,
        ],
        env={**os.environ, **own},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("outputs/*/*/wandb/offline-run-*/run-agent1.wandb")
    found = read_wandb_file(file)
    assert found.run["sweep_id"] == "sweep1"
    assert found.exit_code == 0
    assert found.config["optimizer"]["lr"] == 0.002
