"""Reads those options of commands that Hydra does not read."""

from argparse import ArgumentParser
from typing import NoReturn

from gwbricks.errors import ConfigError


class OptionParser(ArgumentParser):
    """A parser that raises errors of gwbricks, and leaves help to the command.

    Args:
        command: Name of the command.
    """

    def __init__(self, command: str) -> None:
        super().__init__(prog=command, add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raises what argparse says as an error of gwbricks.

        Raises:
            ConfigError: Always.
        """
        fix = f"Fix: see gwbricks {self.prog} --help."
        raise ConfigError(f"{self.prog}: {message}. {fix}")
