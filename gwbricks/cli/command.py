"""What describes a command, and the help and the parser that are made of it."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import TextWrapper
from typing import Any, NamedTuple, TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

WIDTH = 88
"""Most characters in a line of help."""

GAP = 3
"""Spaces between an argument and what is said of it."""


class Argument(NamedTuple):
    """One thing that may stand behind the name of a command.

    Args:
        shown: As help shows it, such as `--outputs NAMES`, `FOLDER` or `key=value`.
        meaning: What help says of it.
        reading: What argparse is told of it; without it, the command reads it itself.
    """

    shown: str
    meaning: str
    reading: Mapping[str, Any] | None = None


class Given(NamedTuple):
    """What a command was given.

    Args:
        options: What the parser read.
        words: All else, in the order of the command line.
        trusted: Packages that configs may build from, besides those of the allow-list.
    """

    options: "Namespace"
    words: list[str]
    trusted: list[str]


class Command(NamedTuple):
    """Describes a command; its file also has a function `run`, which takes a `Given`.

    Args:
        name: As the user types it.
        summary: What `gwbricks --help` says of it.
        usage: What stands behind the name, in short.
        arguments: What may stand behind the name, one by one.
        notes: What else its help says.
        takes_words: Whether the command reads some of its arguments itself; else what
            the parser does not know is a mistake.
    """

    name: str
    summary: str
    usage: str
    arguments: Sequence[Argument] = ()
    notes: str = ""
    takes_words: bool = False

    def help(self) -> str:
        """Returns what `--help` prints."""
        usage = f"usage: gwbricks {self.name} {self.usage}"
        parts = [usage, in_columns(self.arguments), self.notes]
        return "\n\n".join(part for part in parts if part)

    def read(self, args: Sequence[str], trusted: Sequence[str]) -> Given:
        """Reads the command line behind the name.

        Raises:
            ConfigError: If an option is unknown, is missing, or has a wrong value.
        """
        from argparse import Namespace

        from gwbricks.cli.parser import OptionParser

        read = [argument for argument in self.arguments if argument.reading is not None]
        if not read:  # argparse would drop a `--`, which is for Hydra to read
            return Given(Namespace(), list(args), list(trusted))
        parser = OptionParser(self.name)
        for argument in read:
            _add(parser, argument)
        options, words = parser.parse_known_args(list(args))
        if words and not self.takes_words:
            parser.error(f"unrecognized arguments: {' '.join(words)}")
        return Given(options, words, list(trusted))


def in_columns(arguments: Iterable[Argument]) -> str:
    """Returns one argument a line, beside what it means.

    Example:
        >>> print(in_columns([Argument("RUN", "a folder"), Argument("-o FILE", "new")]))
          RUN       a folder
          -o FILE   new
    """
    rows = list(arguments)
    width = 2 + max((len(row.shown) for row in rows), default=0) + GAP
    wrapper = TextWrapper(
        WIDTH,
        subsequent_indent=" " * width,
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines = []
    for row in rows:
        wrapper.initial_indent = f"  {row.shown}".ljust(width)
        lines.append(wrapper.fill(row.meaning))
    return "\n".join(lines)


def _add(parser: "ArgumentParser", argument: Argument) -> None:
    name, _, metavar = argument.shown.partition(" ")
    reading = dict(argument.reading or {})
    if not name.startswith("-"):
        parser.add_argument(metavar=name, **reading)
    elif metavar:
        parser.add_argument(name, metavar=metavar, **reading)
    else:
        parser.add_argument(name, **reading)
