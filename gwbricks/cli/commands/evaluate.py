"""`gwbricks evaluate`: test a run again."""

from pathlib import Path

from gwbricks.cli.command import Argument, Command, Given
from gwbricks.cli.shared_arguments import RUN_TO_READ, split_overrides
from gwbricks.errors import ConfigError
from gwbricks.quick_imports import quick_imports

COMMAND = Command(
    "evaluate",
    summary="test a run again: evaluate RUN_OR_CKPT [key=value …]",
    usage="RUN_OR_CKPT [key=value …]",
    arguments=(
        RUN_TO_READ,
        Argument("key=value", "changes of the run's config, as in data.batch_size=64"),
    ),
    takes_words=True,
)


def run(given: Given) -> None:
    """Tests and prints the numbers."""
    targets, overrides = split_overrides(given.words)
    if len(targets) != 1:
        raise ConfigError(
            f"evaluate: {len(targets)} runs given. Expected one run folder or"
            f" checkpoint. Fix: gwbricks evaluate {COMMAND.usage}."
        )
    with quick_imports():
        from gwbricks.inference.evaluate import evaluate

    evaluate(Path(targets[0]), overrides, given.trusted)
