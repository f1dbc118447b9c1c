"""Short runs of the main example."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from omegaconf import DictConfig

from gwbricks.runs.compose import compose
from gwbricks.runs.execute import Place, train

SHORT = (
    "logger=csv",
    "trainer.max_epochs=1",
    "domains.domain1.pretrain.trainer.max_epochs=1",
)


class Run(NamedTuple):
    """What is left of a run."""

    folder: Path
    results: dict[str, float]
    output: str


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pretrained domains that tests share."""
    return tmp_path_factory.mktemp("pretrained")


@pytest.fixture
def config(
    tmp_path: Path, pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., DictConfig]:
    """Composes a short run of the main example, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def config(*overrides: str) -> DictConfig:
        return compose([*SHORT, f"paths.pretrained={pretrained}", *overrides])

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
