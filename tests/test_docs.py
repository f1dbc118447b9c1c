"""Checks that the documents are true."""

import re
import shlex
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra import initialize_config_dir

from gwbricks.cli.main import main
from gwbricks.config.compose import compose
from gwbricks.config.problems import config_problems
from gwbricks.config.saved import plain_config
from gwbricks.config.search_path import packaged_configs, register
from gwbricks.experiment.build import build_experiment

ROOT = Path(__file__).parents[1]
NAMED = re.findall(
    r"`(tests/[\w/]+\.py)::(\w+)`",
    (ROOT / "docs" / "predecessors.md").read_text(encoding="utf-8"),
)
BRICKS = (ROOT / "docs" / "bricks.md").read_text(encoding="utf-8")
WORKSPACE = (ROOT / "docs" / "workspace.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^gwbricks train (?!--trust)(.*)$", WORKSPACE, re.M)
LOGGERS = (ROOT / "docs" / "wandb.md").read_text(encoding="utf-8")
LOGGED = re.findall(r"^gwbricks train (.*)$", LOGGERS, re.M)
DEVICES = re.findall(
    r"gwbricks train (?!-m)(.*)$",
    (ROOT / "docs" / "devices.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.S)
SWEEPS = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
SHORT = [
    *("trainer.max_epochs=1", "logger=csv"),
    *(f"domains.{name}.pretrain=null" for name in ("fou", "kar", "pix")),
]
CLUSTER = re.compile(r"hydra/launcher=(slurm|ray)")
SLOW = "export_bricks_as_onnx"


def test_every_test_that_is_named_exists() -> None:
    files = {path: ROOT / path for path, _ in NAMED if (ROOT / path).exists()}
    texts = {path: file.read_text(encoding="utf-8") for path, file in files.items()}
    assert NAMED
    assert [n for n in NAMED if f"def {n[1]}(" not in texts.get(n[0], "")] == []


def run_blocks(with_slow: bool, page: str = BRICKS) -> dict[str, Any]:
    """Runs the blocks in order, compares what they print, and returns their names."""
    names: dict[str, Any] = {}
    for code, shown in BLOCK.findall(page):
        if with_slow or SLOW not in code:
            printed = StringIO()
            with redirect_stdout(printed):
                exec(compile(code, "docs", "exec"), names)
            assert not shown or printed.getvalue() == shown
    return names


def words(svg: str) -> list[str]:
    return re.findall(r">([^<>]+)</text>", svg)


def test_blocks_about_bricks_print_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_blocks(with_slow=False)
    shown = (ROOT / "docs" / "bricks.svg").read_text(encoding="utf-8")
    assert words(shown) == words(names["picture"])
    assert names["module"].folder == Path("build/experiments/images")


def test_blocks_about_the_workspace_print_what_is_shown() -> None:
    assert "graph" in run_blocks(with_slow=True, page=WORKSPACE)


@pytest.mark.slow
def test_a_selection_of_ones_own_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    files = re.findall(r"`([\w/]+\.\w+)`:\n\n```\w+\n(.*?)```", WORKSPACE, re.S)
    assert len(files) == 2
    for file, text in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    (command,) = re.findall(r"^gwbricks (train --trust .*)$", WORKSPACE, re.M)
    assert main([*shlex.split(command), *SHORT]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_about_the_workspace_are_without_mistakes(command: str) -> None:
    cfg = compose(shlex.split(command))
    assert config_problems(cfg) == []
    build_experiment(plain_config(cfg))


@pytest.mark.parametrize("command", DEVICES)
def test_commands_about_devices_are_without_mistakes(command: str) -> None:
    assert config_problems(compose(shlex.split(command))) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", LOGGED)
def test_commands_about_loggers_are_without_mistakes(command: str) -> None:
    cfg = compose(shlex.split(command))
    assert config_problems(cfg) == []


@pytest.mark.slow
def test_export_about_bricks_works_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_blocks(with_slow=True)
    assert (tmp_path / "model.onnx").stat().st_size > 0


def test_commands_for_clusters_are_without_mistakes() -> None:
    lines = [
        line
        for line in SWEEPS.splitlines()
        if re.search(f"^gw.*{CLUSTER.pattern}", line)
    ]
    assert len(lines) == 2
    register()
    for line in lines:
        args = [arg.partition(",")[0] for arg in shlex.split(line) if "=" in arg]
        with initialize_config_dir(str(packaged_configs()), version_base="1.3"):
            cfg = hydra.compose("train", args, return_hydra_config=True)
        found = CLUSTER.search(line)
        assert found is not None
        assert cfg.hydra.launcher.engine.lower().endswith(f".{found[1]}")


@pytest.mark.slow
def test_commands_about_sweeps_work_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    counts = []
    for block in re.findall(r"```bash\n(.*?)```", SWEEPS, re.S):
        for line in block.splitlines():
            args = shlex.split(line)[1:]
            if CLUSTER.search(line):
                continue
            if "hydra/sweeper=optuna" in args:
                args.append("hydra.sweeper.trials=2")
            assert main([*args, *(SHORT if "-m" in args else [])]) == 0, line
            counts.append(len(re.findall(r"^\[\d/", capfd.readouterr().out, re.M)))
    assert counts == [6, 0, 0, 0, 8, 0, 2, 0, 2]
    (tmp_path / "configs" / "experiment").mkdir(parents=True)
    (experiment,) = re.findall(r"```yaml\n(.*?)```", SWEEPS, re.S)
    (tmp_path / "configs" / "experiment" / "mine.yaml").write_text(experiment)
    found = ["train", "-m", "experiment=mine", "hydra.sweeper.trials=1"]
    assert main([*found, *SHORT]) == 0
    assert "1 job: 1 finished" in capfd.readouterr().out


def test_every_link_leads_somewhere() -> None:
    dead = [
        f"{page.name}: {link}"
        for page in sorted((ROOT / "docs").glob("*.md"))
        for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text("utf-8"))
        if not leads_somewhere(page, link)
    ]
    assert dead == []


def leads_somewhere(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}
