"""Arguments that several commands take."""

from collections.abc import Sequence
from pathlib import Path

from gwbricks.cli.command import Argument
from gwbricks.errors import ConfigError

RUN_TO_READ = Argument(
    "RUN_OR_CKPT", "a run folder, or a lone .ckpt file, which holds its config"
)
RUN = RUN_TO_READ._replace(reading={"dest": "target", "type": Path})


def names(text: str) -> list[str]:
    """Returns the names of a list with commas.

    Example:
        >>> names("pix, fou,")
        ['pix', 'fou']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def batch_size(text: str, fix: str = "") -> int:
    """Returns the value of `--batch-size`.

    Args:
        text: As it was given.
        fix: What the error adds, with a space before it.

    Raises:
        ConfigError: If it is no whole number above 0.
    """
    if not text.isdecimal() or not int(text):
        raise ConfigError(
            f"--batch-size: {text!r}. Expected a whole number above 0.{fix}"
        )
    return int(text)


def split_overrides(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the paths among words, and the changes of a config.

    A file whose name has a `=` in it, as checkpoints of Lightning have, is a path.
    """
    paths = [word for word in words if "=" not in word or Path(word).exists()]
    return paths, [word for word in words if word not in paths]
