import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gwbricks.runs.folder import run_folder
from gwbricks.runs.folder.run_folder import RunFolder


def versions(path: Path) -> dict[str, str]:
    RunFolder(path).start({"seed": 0}, [])
    return RunFolder(path).read()["versions"]


def test_versions_are_what_the_running_libraries_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", "2.14.1+cu130")
    monkeypatch.setitem(sys.modules, "hydra", SimpleNamespace(__version__="1.3.99"))
    found = versions(tmp_path)
    assert found["torch"] == "2.14.1+cu130"
    assert found["hydra-core"] == "1.3.99"


def test_noting_versions_imports_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in set(run_folder.PACKAGES.values()) - {"gwbricks"}:
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert versions(tmp_path)["wandb"] == version("wandb")
    assert "wandb" not in sys.modules


def test_a_run_that_goes_on_keeps_when_it_started(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.start({"seed": 0}, [])
    run.write_json("run.json", {**run.read(), "started": "long ago"})
    run.start({"seed": 0}, ["a=1"])
    assert run.read()["started"] == "long ago"
    assert run.read()["status"] == "running"
    assert (tmp_path / "overrides.yaml").read_text() == "- a=1\n"
