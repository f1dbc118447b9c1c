"""Files that are written whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from gwbricks.errors import ConfigError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a path to write to; the file takes its place if nothing was raised.

    Args:
        path: Where the file is to be. One that is there is replaced at the end.

    Raises:
        ConfigError: If the file cannot be written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        folder = TemporaryDirectory(dir=path.parent, prefix=".part-")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written: {error.strerror}."
            " Fix: a file in a folder that exists and may be written to."
        ) from error
    with folder:
        made = Path(folder.name) / path.name
        yield made
        made.replace(path)


def make_folder(folder: Path, key: str) -> None:
    """Makes a folder, and checks that it can be written to.

    Raises:
        ConfigError: If not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"{key}: cannot write to {str(folder)!r}: {error.strerror}."
            f" Fix: another folder, as in {key}=PATH."
        ) from error
