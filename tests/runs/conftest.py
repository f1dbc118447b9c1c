"""Short runs of the main example."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from omegaconf import DictConfig

from gwbricks.config.compose import compose
from gwbricks.config.saved import plain_config
from gwbricks.experiment.build import build_experiment, Experiment
from gwbricks.runs.execute import Place, train
from gwbricks.training.module import CONFIG

SHORT = ("logger=csv", "trainer.max_epochs=1")
SHORT_PRETRAINING = "domains.domain1.pretrain.trainer.max_epochs=1"


class Run(NamedTuple):
    """What is left of a run."""

    folder: Path
    results: dict[str, float]
    output: str


class Saved(NamedTuple):
    """A run folder with a checkpoint, and what is in it."""

    folder: Path
    experiment: Experiment


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pretrained domains that tests share."""
    return tmp_path_factory.mktemp("pretrained")


@pytest.fixture
def config(
    tmp_path: Path, pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., DictConfig]:
    """Composes a short run, of the main example or another, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def config(*overrides: str) -> DictConfig:
        is_other = any(override.startswith("experiment=") for override in overrides)
        short = SHORT if is_other else (*SHORT, SHORT_PRETRAINING)
        return compose([*short, f"paths.pretrained={pretrained}", *overrides])

    return config


@pytest.fixture
def run(
    config: Callable[..., DictConfig], capsys: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    """Trains the main example for an epoch, with overrides."""

    def run(*overrides: str, ckpt_path: Path | None = None) -> Run:
        cfg = config(*overrides)
        path = None if ckpt_path is None else str(ckpt_path)
        results = train(cfg, Place("example", "run", overrides), ckpt_path=path)
        return Run(Path(cfg.paths.run), results, capsys.readouterr().out)

    return run


@pytest.fixture
def saved(config: Callable[..., DictConfig], tmp_path: Path) -> Callable[..., Saved]:
    """Writes what a run with overrides would leave if it trained nothing."""

    def saved(*overrides: str, name: str = "saved") -> Saved:
        plain = plain_config(config(*overrides))
        experiment = build_experiment(plain)
        weights = experiment.module.state_dict()
        folder = tmp_path / name
        (folder / "checkpoints").mkdir(parents=True)
        path = folder / "checkpoints" / "best.ckpt"
        torch.save({CONFIG: plain, "state_dict": weights}, path)
        return Saved(folder, experiment)

    return saved
