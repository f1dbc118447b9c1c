import re
from collections.abc import Callable
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

import gwbricks
from gwbricks.cli import commands
from gwbricks.cli.command import WIDTH
from gwbricks.cli.commands import list as list_command
from gwbricks.cli.main import COMMANDS, main
from gwbricks.errors import DivergedError, SweepError

Cli = Callable[..., Any]


@pytest.mark.parametrize(
    "args",
    [
        pytest.param([], id="nothing"),
        pytest.param(["--help"], id="--help"),
        pytest.param(["-h"], id="-h"),
        pytest.param(["help"], id="help"),
    ],
)
def test_help_names_every_command(cli: Cli, args: list[str]) -> None:
    status, out, err = cli(*args)
    assert (status, err) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S", out, re.MULTILINE)


def test_every_file_of_commands_is_a_command() -> None:
    files = {module.name for module in iter_modules(commands.__path__)}
    assert files == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_command_explains_itself(cli: Cli, command: str, flag: str) -> None:
    status, out, _ = cli(command, flag)
    assert status == 0
    assert out.startswith(f"usage: gwbricks {command} ")
    assert max(map(len, out.splitlines())) <= WIDTH


def test_version(cli: Cli) -> None:
    assert cli("--version") == (0, f"{gwbricks.__version__}\n", "")


def test_unknown_command_names_the_close_match(cli: Cli) -> None:
    status, _, err = cli("trian")
    assert status == 2
    assert "gwbricks: unknown name 'trian'. Did you mean 'train'? Known names:" in err


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["check", "--trust"], id="last"),
        pytest.param(["check", "--trust", "seed=1"], id="override"),
        pytest.param(["check", "--trust="], id="empty"),
    ],
)
def test_trust_needs_a_package(cli: Cli, args: list[str]) -> None:
    status, _, err = cli(*args)
    assert status == 2
    assert "--trust: no package. Expected --trust PACKAGE." in err


def test_trusted_package_must_exist(cli: Cli) -> None:
    status, _, err = cli("check", "--trust", "own_domians.vision")
    assert status == 2
    assert "--trust: no package 'own_domians.vision'" in err


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        pytest.param(DivergedError("train/loss is nan"), 1, "is nan\n", id="diverged"),
        pytest.param(SweepError("1 jobs failed:"), 1, "1 jobs failed:\n", id="sweep"),
        pytest.param(
            OSError("full"),
            1,
            "OSError: full\n  (--debug shows the traceback)\n",
            id="other",
        ),
        pytest.param(KeyboardInterrupt(), 130, "interrupted.\n", id="ctrl-c"),
    ],
)
def test_exit_status_tells_whose_mistake_it_was(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
    message: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(list_command, "run", fail)
    found = cli("list")
    assert found.status == status
    assert found.err.startswith("gwbricks: error: ")
    assert found.err.endswith(message)


def test_notes_of_an_error_are_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        error = OSError("full")
        error.add_note("the disk")
        raise error

    monkeypatch.setattr(list_command, "run", fail)
    assert "OSError: full\n  the disk\n" in cli("list").err


def test_arguments_come_from_the_shell_if_none_are_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["gwbricks", "--version"])
    assert main() == 0
    assert capsys.readouterr().out == f"{gwbricks.__version__}\n"


OWN = """
from pathlib import Path
from gwbricks.domains import LinearDomain

Path("imported").touch()

class Mine(LinearDomain):
    pass
"""
MODULE = "domains.domain1.module._target_=own_domains.Mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    "trust",
    [
        pytest.param(["--trust", "own_domains"], id="two-words"),
        pytest.param(["--trust=own_domains"], id="one-word"),
        pytest.param(["--trust", "numpy,own_domains"], id="list"),
    ],
)
def test_trusted_package_of_the_working_directory_is_used(
    cli: Cli, tmp_path: Path, trust: list[str]
) -> None:
    (tmp_path / "own_domains.py").write_text(OWN)
    assert cli("check", MODULE, *trust).status == 0


def test_package_that_is_not_trusted_is_not_imported(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own_domains.py").write_text(OWN)
    (tmp_path / "own.py").write_text("")
    status, _, err = cli("check", MODULE, "--trust", "own")
    assert status == 2
    assert "domains.domain1.module._target_: 'own_domains.Mine' is not allowed." in err
    assert (
        "Fix: if you trust the package, add --trust own_domains to the command." in err
    )
    assert not (tmp_path / "imported").exists()


def test_config_cannot_extend_the_list(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own_domains.py").write_text(OWN)
    for key in ("trust", "trusted"):
        status, _, err = cli("check", MODULE, f"+{key}=[own_domains]")
        assert status == 2
        assert f"{key}: nothing reads this key." in err
        assert "is not allowed" in err
    assert not (tmp_path / "imported").exists()
