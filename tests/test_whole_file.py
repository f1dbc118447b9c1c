from contextlib import suppress
from pathlib import Path

import pytest

from gwbricks.errors import ConfigError
from gwbricks.whole_file import whole_file


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
