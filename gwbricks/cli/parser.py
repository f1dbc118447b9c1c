"""Reads the options of the commands that are not Hydra's."""

from argparse import ArgumentParser
from typing import NoReturn

from gwbricks.errors import ConfigError


class OptionParser(ArgumentParser):
    """A parser whose mistakes are errors of gwbricks; help is the command's own.

    Args:
        command: Name of the command.
    """

    def __init__(self, command: str) -> None:
        super().__init__(prog=command, add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Tells what is wrong.

        Raises:
            ConfigError: Always.
        """
        fix = f"Fix: see gwbricks {self.prog} --help."
        raise ConfigError(f"{self.prog}: {message}. {fix}")
