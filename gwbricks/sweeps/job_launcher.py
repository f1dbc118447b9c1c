"""Launchers of gwbricks' own: they are given jobs that are composed already."""

import os
import sys
from abc import abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from rich.console import Console

from gwbricks.errors import ConfigError
from gwbricks.print_line import print_line
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.task import SweepTask


class JobLauncher(Launcher):
    """Runs jobs; their records tell how they ended."""

    def setup(self, **given: Any) -> None:
        """Takes nothing from Hydra: a job brings its config."""

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Is what Hydra asks of a launcher; `RecordedLauncher` calls `run` instead.

        Raises:
            TypeError: Always.
        """
        raise TypeError(f"{type(self).__name__} runs jobs of a sweep only")

    @abstractmethod
    def run(self, task: SweepTask, specs: Sequence[JobSpec]) -> None:
        """Runs jobs until each has ended, is lost, or the sweep is to stop.

        Args:
            task: The sweep's task.
            specs: At least one job.

        Raises:
            ConfigError: If the launcher cannot run any job.
        """


def check_installed(package: str, launcher: str, extra: str) -> None:
    """Checks that the package which a launcher needs is installed.

    Raises:
        ConfigError: If not.
    """
    if find_spec(package) is None:
        raise ConfigError(
            f"hydra/launcher={launcher}: not installed."
            f" Fix: pip install 'gwbricks[{extra}]'."
        )


def tell(line: str) -> None:
    """Prints a line while a sweep runs."""
    print_line(Console(), line)


def enter_folder(folder: str) -> None:
    """Enters a folder, and lets Python import from it.

    A process of another machine then finds files and modules as the command does.

    Args:
        folder: The working directory of the command.
    """
    os.chdir(folder)
    if folder not in sys.path:
        sys.path.insert(0, folder)
