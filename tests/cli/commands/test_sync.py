import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gwbricks.runs.loggers import sync

Cli = Callable[..., Any]

FAKE = """
import sys
from pathlib import Path

print("options:", *[arg for arg in sys.argv if arg.startswith("--")])
for path in map(Path, [arg for arg in sys.argv[2:] if not arg.startswith("--")]):
    if "bad" in str(path):
        print("wandb: ERROR no permission")
    else:
        path.with_suffix(".wandb.synced").touch()
"""


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two offline runs, and a program that takes them in W&B's place."""
    (tmp_path / "fake.py").write_text(FAKE)
    monkeypatch.setattr(sync, "WANDB", (sys.executable, str(tmp_path / "fake.py")))
    monkeypatch.setattr(sync, "account_problem", lambda: None)
    folder = tmp_path / "outputs" / "sweeps" / "mine"
    for name in ("000_seed=0", "001_seed=1"):
        add_run(folder / name)
    return folder


def add_run(folder: Path, content: bytes = b"header and more") -> Path:
    place = folder / "wandb" / "offline-run-20261121_120000-ab12"
    place.mkdir(parents=True)
    (place.parent / "latest-run").symlink_to(place.name)
    file = place / "run-ab12.wandb"
    file.write_bytes(content)
    return file


def test_offline_runs_are_uploaded_once(cli: Cli, sweep: Path) -> None:
    status, out, err = cli("sync", str(sweep))
    assert (status, err) == (0, "")
    assert "[2/2] 001_seed=1 synced\n" in out
    assert out.count("ab12") == 2
    status, out, _ = cli("sync", str(sweep), str(sweep / "000_seed=0"))
    assert (status, out) == (0, "2 offline runs: synced before.\n")


def test_run_that_has_gone_on_is_uploaded_again(cli: Cli, sweep: Path) -> None:
    cli("sync", str(sweep))
    (file,) = (sweep / "001_seed=1").glob("wandb/offline*/*.wandb")
    later = time.time() + 60
    os.utime(file, (later, later))
    _, out, _ = cli("sync", str(sweep))
    assert "[1/1] 001_seed=1 synced\n" in out
    assert "before" in out


def test_what_wandb_says_is_told(cli: Cli, sweep: Path) -> None:
    add_run(sweep / "002_bad")
    status, out, err = cli("sync", str(sweep), "--project=p", "--entity", "lab")
    assert status == 1
    assert "[2/3] 001_seed=1 synced\n" in out
    assert "1 offline run not synced. W&B says:" in err
    assert "options: --include-synced --project=p --entity=lab" in err
    assert "wandb: ERROR no permission" in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param([], "sync: the following arguments are required: RUN", id="none"),
        pytest.param(["nowhere"], "sync: 'nowhere': no such folder.", id="no-folder"),
        pytest.param(["."], "'.': no offline run of W&B. Expected a run", id="empty"),
        pytest.param(
            [".", "--projct=x"], "unrecognized arguments: --projct", id="typo"
        ),
    ],
)
def test_mistake_is_told(cli: Cli, args: list[str], message: str) -> None:
    status, _, err = cli("sync", *args)
    assert status == 2
    assert message in err


def test_file_without_a_run_is_left_out(cli: Cli, tmp_path: Path) -> None:
    add_run(tmp_path / "killed", b"header")
    assert cli("sync", "killed").status == 2


def test_without_an_account_nothing_is_tried(
    cli: Cli, sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "account_problem", lambda: "nobody is logged in.")
    status, out, err = cli("sync", str(sweep))
    assert (status, out) == (2, "")
    assert "sync: nobody is logged in." in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "message"),
    [
        pytest.param("", "nobody is logged in to W&B. Fix: wandb login.", id="no-key"),
        pytest.param("0" * 40, "http://127.0.0.1:9 cannot be reached:", id="no-server"),
    ],
)
def test_without_account_or_network_it_ends_at_once(
    tmp_path: Path, key: str, message: str
) -> None:
    add_run(tmp_path / "run")
    own = {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": key}
    done = subprocess.run(
        [sys.executable, "-m", "gwbricks", "sync", "run"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **own, "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.slow
def test_wandb_itself_refuses_a_server_that_is_none(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run(tmp_path / "run")
    monkeypatch.setattr(sync, "account_problem", lambda: None)
    monkeypatch.setenv("WANDB_API_KEY", "too-short")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    status, _, err = cli("sync", "run")
    assert status == 1
    assert "1 offline run not synced. W&B says:" in err
