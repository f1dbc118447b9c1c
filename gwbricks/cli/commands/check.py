"""`gwbricks check`: all mistakes of a config at once, and its graph with shapes."""

from typing import TYPE_CHECKING

from gwbricks.cli.command import Command, Given
from gwbricks.quick_imports import quick_imports

if TYPE_CHECKING:
    from omegaconf import DictConfig

COMMAND = Command(
    "check",
    summary="find all mistakes of a config, and show its graph with shapes",
    usage="[experiment=NAME] [key=value …]",
    notes="Nothing is trained and nothing is written.",
    takes_words=True,
)


def run(given: Given) -> None:
    """Checks and prints the graph."""
    from gwbricks.cli.hydra_app import run_hydra

    def task(cfg: "DictConfig") -> None:
        with quick_imports():
            from gwbricks.experiment.graph_table import show_graph
            from gwbricks.runs.check import check

        show_graph(check(cfg, given.trusted))

    run_hydra(task, given.words, COMMAND.name)
