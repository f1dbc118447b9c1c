"""`gwbricks check`: all mistakes of a config at once, and its graph with shapes."""

import sys
from collections.abc import Sequence

from omegaconf import DictConfig

from gwbricks.cli.hydra_app import run_hydra
from gwbricks.quick_imports import quick_imports

USAGE = """\
usage: gwbricks check [experiment=NAME] [key=value …]

Nothing is trained and nothing is written.
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Checks and prints the graph."""
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0

    def task(cfg: DictConfig) -> None:
        with quick_imports():
            from gwbricks.experiment.graph_table import show_graph
            from gwbricks.runs.check import check

        show_graph(check(cfg, trusted))

    run_hydra(task, args, "check")
    return 0
