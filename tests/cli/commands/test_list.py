from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gwbricks.config.groups import groups, options_of
from gwbricks.config.search_path import packaged_configs

Cli = Callable[..., Any]


def test_everything_is_listed(cli: Cli) -> None:
    status, out, _ = cli("list")
    assert status == 0
    for group in groups():
        assert f" {group} " in out
        for option in options_of(group):
            assert f" {option} " in out


def test_every_shipped_file_is_an_option() -> None:
    root = packaged_configs()
    files = [path.relative_to(root) for path in root.rglob("*/*.yaml")]
    expected = {(path.parent.as_posix(), path.stem) for path in files}
    assert {(g, o) for g in groups() for o in options_of(g)} == expected


def test_experiments_are_listed_with_their_question(cli: Cli) -> None:
    status, out, _ = cli("list", "experiment")
    assert status == 0
    assert "main_example" in out
    assert "Question: does Shimmer's tutorial run from one YAML file?" in out
    assert "early_stopping" not in out
    assert "@package" not in out


def test_own_options_are_listed_as_they_are_written(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "configs" / "experiment"
    folder.mkdir(parents=True)
    text = "# @package _global_\n# Do [v] and [/t] agree?\n"
    (folder / "mine.yaml").write_text(text)
    (folder / "bare.yaml").write_text("seed: 1\n")
    status, out, _ = cli("list", "experiment")
    assert status == 0
    assert "mine" in out
    assert "Do [v] and [/t] agree?" in out
    assert "bare" in out


def test_file_that_is_no_text_hides_no_other(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "configs" / "experiment"
    folder.mkdir(parents=True)
    (folder / "odd.yaml").write_bytes(b"\xff\xfe")
    status, out, _ = cli("list", "experiment")
    assert status == 0
    assert "odd" in out
    assert "main_example" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(
            ["experimnt"],
            "list: no group 'experimnt'. Did you mean 'experiment'?",
            id="unknown",
        ),
        pytest.param(["data", "domain"], "list: 2 groups given. Expected", id="two"),
    ],
)
def test_wrong_group_is_an_error(cli: Cli, args: list[str], message: str) -> None:
    status, _, err = cli("list", *args)
    assert status == 2
    assert message in err
