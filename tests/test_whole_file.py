import ast
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import gwbricks
from gwbricks.compare.folders import read_runs
from gwbricks.errors import ConfigError
from gwbricks.runs.folder.results import read_results, save_results
from gwbricks.whole_file import PART, whole_file, write_together, write_whole

PACKAGE = Path(gwbricks.__file__).parent
WRITERS = {
    *("write_text", "write_bytes", "save", "save_file", "savez", "savefig"),
    *("copyfile", "to_csv", "dump"),
}
"""Calls that write a file; so does `open` with a mode of "w" or "x"."""

WHOLE = {"made", "figure", "pen"}
"""What may be written to: a path of `whole_file`, and what is no file."""

OTHERWISE = {
    "whole_file.py": "writes beside",
    "bricks/files/export.py": "writes where CheckedExport says, which is beside",
    "compare/page/pictures.py": "writes to memory",
    "runs/processes/other_processes.py": "what a process says, while it says it",
    "sweeps/stopping.py": "in a handler of signals, which must not wait for a lock;"
    " that the file is there is what counts",
    "training/callbacks/metrics_file.py": "Lightning appends",
    "training/logs.py": "has a logger write what it holds",
}
"""Files that write in another way, and why they may."""


def test_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with whole_file(path) as made:
        made.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with suppress(RuntimeError), whole_file(path) as made:
        made.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param(["no", "x"], "cannot be written: No such file or", id="no-folder"),
        pytest.param(["file", "x"], "cannot be written: Not a dir", id="file"),
        pytest.param([], r"cannot be written: it is a folder\. Fix: a", id="folder"),
    ],
)
def test_place_that_cannot_be_written_to_is_an_error(
    tmp_path: Path, parts: list[str], message: str
) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match=message),
        whole_file(tmp_path.joinpath(*parts)),
    ):
        pytest.fail("there is nothing to write to")


def test_text_and_bytes_are_written_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "text", "é\n")
    write_whole(tmp_path / "bytes", b"\x00")
    assert (tmp_path / "text").read_bytes() == b"\xc3\xa9\n"
    assert (tmp_path / "bytes").read_bytes() == b"\x00"
    assert len(list(tmp_path.iterdir())) == 2


def test_place_that_cannot_be_written_to_is_named_as_it_was_given(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileNotFoundError, match=rf"directory: '{tmp_path}/no/x'$"):
        write_whole(tmp_path / "no" / "x", "")
    with pytest.raises(IsADirectoryError, match=rf"Is a directory: '{tmp_path}'$"):
        write_whole(tmp_path, "")


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda made: made.write_text("new"), id="text"),
        pytest.param(lambda made: torch.save({"a": torch.ones(1)}, made), id="torch"),
        pytest.param(lambda m: save_file({"a": torch.ones(1)}, m), id="safetensors"),
    ],
)
def test_others_may_read_what_the_umask_lets_them(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    before = os.umask(0o027)
    try:
        with whole_file(tmp_path / "file") as made:
            write(made)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_files_that_belong_together_are_all_written_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in ("b", "a")]
    order: list[Path] = []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda new, path: order.append(path) or replace(new, path)
    )
    write_together(dict.fromkeys(paths, "old"))
    assert order == paths
    with pytest.raises(FileNotFoundError):
        write_together({paths[0]: "new", tmp_path / "no" / "c": "new"})
    assert [path.read_text() for path in paths] == ["old", "old"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def killed(path: str, *_: object) -> None:
    raise KeyboardInterrupt(path)


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_numbers_of_before_stay_until_the_new_ones_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    path = tmp_path / "metrics.json"
    save_results({"test/loss": 1.0}, path)
    owner = os if at == "fsync" else Path
    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(owner, at, killed)
        save_results({"test/loss": 2.0}, path)
    assert read_results(path) == {"test/loss": 1.0}
    assert list(tmp_path.iterdir()) == [path]
    save_results({"test/loss": 2.0}, path)
    assert read_results(path) == {"test/loss": 2.0}


def test_what_a_kill_leaves_beside_is_no_run(tmp_path: Path) -> None:
    for folder in ("run", f"killed/{PART}x"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "run.json").write_text('{"status": "running"}')
    runs, problems = read_runs([tmp_path])
    assert [run.name for run in runs] == ["run"]
    assert problems == []


def writing(file: Path) -> Iterator[str]:
    """Yields the calls of a file that write, but not to what `whole_file` gave."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        modes = [a.value for a in node.args if isinstance(a, ast.Constant)]
        is_open = name == "open" and any(str(m).startswith(("w", "x")) for m in modes)
        owner = getattr(node.func, "value", None)
        named = {getattr(part, "id", None) for part in [owner, *node.args]}
        if (is_open or name in WRITERS) and not named & WHOLE:
            yield ast.unparse(node)


FILES = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}


def test_files_are_written_whole_or_not_at_all_but_for_those_listed() -> None:
    found = {name for name, path in FILES.items() if [*writing(path)]}
    assert found == set(OTHERWISE)
