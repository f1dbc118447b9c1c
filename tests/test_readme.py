"""Runs what the README shows: its commands, its files and its Python."""

import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from lightning.pytorch import Trainer

from gwbricks.cli.main import main
from gwbricks.experiment import trainer

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`([\w/.]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)```", README, re.S))
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line.startswith("gwbricks ")
]
RESUMED = 2
"""Epochs of the command that goes on from a run of one epoch."""


def short_trainer(**arguments: Any) -> Trainer:
    epochs = RESUMED if arguments.get("max_epochs") == 120 else 1
    arguments |= {"max_epochs": epochs, "limit_train_batches": 2}
    return Trainer(**arguments)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the README's files and some recordings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trainer, "Trainer", short_trainer)
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    generator = np.random.default_rng(0)
    eeg = generator.normal(size=(200, 32))
    words = eeg[:, :20] + 0.1 * generator.normal(size=(200, 20))
    words[150:] = np.nan
    np.savez(tmp_path / "recordings.npz", eeg=eeg, words=words)
    return tmp_path


@pytest.mark.slow
def test_every_command_works_in_order(project: Path) -> None:
    assert len(COMMANDS) > 10
    assert main(["train", "experiment=digits", "logger=csv"]) == 0
    (run,) = project.glob("outputs/digits/*")
    for command in COMMANDS:
        args = shlex.split(command.replace("RUN", str(run)))[1:]
        if args[0] == "train" and "-m" not in args and "logger=csv" not in args:
            args.append("logger=csv")  # the sweep shows that W&B works
        if "-m" in args:
            args.append("trainer.max_epochs=1")  # its processes have their own trainer
        assert main(args) == 0, command
    assert len(list(project.glob("outputs/sweeps/*/*/run.json"))) == 6
    shown = re.search(r"```python\n(import gwbricks\n.*?)```", README, re.S)
    assert shown is not None
    exec(compile(shown[1].replace("RUN", str(run)), "README.md", "exec"), {})


def test_shown_error_is_the_real_one(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = re.search(r"\$ (gwbricks [^\n]*)\n(gwbricks: error.*?)```", README, re.S)
    assert shown is not None
    assert main(shlex.split(shown[1])[1:]) == 2
    assert capsys.readouterr().err == shown[2]


def test_shown_experiment_is_the_shipped_one() -> None:
    shown = re.search(
        r"```yaml\n(# configs/experiment/digits.yaml.*?)```", README, re.S
    )
    assert shown is not None
    path = Path(__file__).parents[1] / "configs" / "experiment" / "digits.yaml"
    shipped = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert yaml.safe_load(shown[1]) == shipped


def test_python_prints_what_is_shown() -> None:
    shown = re.search(
        r"```python\n(import torch.*?)```\n\n```text\n(.*?)```", README, re.S
    )
    assert shown is not None
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(shown[1], "README.md", "exec"), {})
    assert printed.getvalue() == shown[2]
