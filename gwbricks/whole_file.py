"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, ExitStack
from errno import EISDIR
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from gwbricks.errors import ConfigError

PART = ".part-"
"""What the folder of a file that is being written starts with.

A process that is killed leaves it behind; nobody reads it, and it may be deleted.
"""


@contextmanager
def whole_file(path: Path, is_flushed: bool = True) -> Iterator[Path]:
    """Gives a path to write to; the file takes its place if nothing was raised.

    Args:
        path: Where the file is to be. One that is there is replaced at the end.
        is_flushed: Whether to wait until the disk has it, some milliseconds, so that it
            outlives a power cut, too.

    Raises:
        ConfigError: If the file cannot be written.
    """
    try:
        near = _folder_beside(path)
    except OSError as error:
        is_folder = isinstance(error, IsADirectoryError)
        raise ConfigError(
            f"{path}: cannot be written:"
            f" {'it is a folder' if is_folder else error.strerror}."
            " Fix: a file in a folder that exists and may be written to."
        ) from error
    with near as folder:
        made = Path(folder) / path.name
        yield made
        _as_others(made)
        if is_flushed:
            _flush(made)
        made.replace(path)


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file at once; text becomes UTF-8.

    Args:
        path: Where the file is to be. One that is there is replaced.
        content: All of it.

    Raises:
        OSError: If the file cannot be written.
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, str | bytes]) -> None:
    """Writes several files; see `write_whole`. They take their places in this order.

    Args:
        contents: All of each file, by where it is to be.

    Raises:
        OSError: If one of them cannot be written; then none is.
    """
    made: dict[Path, Path] = {}
    with ExitStack() as folders:
        for path, content in contents.items():
            made[path] = Path(folders.enter_context(_folder_beside(path))) / path.name
            content = content.encode() if isinstance(content, str) else content
            made[path].write_bytes(content)
        for new in made.values():  # the first takes the time; the disk has the others
            _flush(new)
        for path, new in made.items():
            new.replace(path)


def _folder_beside(path: Path) -> TemporaryDirectory[str]:
    # In the same folder, for only within one file system is a file replaced at once. A
    # folder of its own, because some writers take the format from the file's name.
    if path.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
    try:
        return TemporaryDirectory(dir=path.parent, prefix=PART)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _as_others(made: Path) -> None:
    # safetensors lets only the owner read what it writes, whatever the umask says.
    usual = made.with_name(f"{made.name}.mode")
    usual.touch()
    made.chmod(usual.stat().st_mode)


def _flush(made: Path) -> None:
    # Else a power cut may keep the new name, and lose what is in the file.
    with made.open("rb+") as file:
        os.fsync(file.fileno())


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
