"""`gwbricks sync`: offline runs to W&B."""

from pathlib import Path

from gwbricks.cli.command import Argument, Command, Given

COMMAND = Command(
    "sync",
    summary="upload offline runs to W&B: sync RUN… [--project P] [--entity E]",
    usage="RUN… [--project P] [--entity E]",
    arguments=(
        Argument(
            "RUN",
            "run folders, sweeps, or any folder above them, as in outputs/sweeps/NAME",
            {"dest": "folders", "nargs": "+", "type": Path},
        ),
        Argument("--project P", "a project other than that of the runs", {}),
        Argument(
            "--entity E",
            "a user or a team; without it, what the runs say, or who is logged in",
            {},
        ),
    ),
)


def run(given: Given) -> None:
    """Uploads what W&B does not have yet, and prints a table of it."""
    from gwbricks.runs.loggers.sync import sync

    sync(**vars(given.options))
