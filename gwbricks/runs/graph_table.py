"""The graph of an experiment as a table with shapes."""

import warnings

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gwbricks.bricks import BrickModule, Stage
from gwbricks.bricks.step import Step
from gwbricks.runs.build import Experiment
from gwbricks.runs.dry_run import dry_run, DryRun


def show_graph(experiment: Experiment, console: Console | None = None) -> None:
    """Prints the bricks of a training step in order, with the shapes of one batch.

    Args:
        experiment: What to show.
        console: Where to print.
    """
    console = console or Console()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dry_run(experiment.module, experiment.data, Stage.TRAIN)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("brick", no_wrap=True)
    table.add_column("module")
    table.add_column("writes (shape in a training batch)")
    table.add_column("trained", justify="right")
    for step in found.steps:
        table.add_row(*_row(step, found))
    console.print(table)
    parameters = list(experiment.module.parameters())
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    console.print(
        f"{len(found.steps)} bricks, {sum(p.numel() for p in parameters):,} parameters,"
        f" {trained:,} trained. The config is in order."
    )


def _row(step: Step, found: DryRun) -> tuple[str, ...]:
    writes = ", ".join(
        f"{name} ({found.shape(name)})" for name in step.brick.output_names
    )
    return (step.path, step.brick.label, writes.replace(" ()", ""), _trained(step))


def _trained(step: Step) -> str:
    if not isinstance(step.brick, BrickModule):
        return ""
    count = sum(p.numel() for p in step.brick.parameters() if p.requires_grad)
    return f"{count:,}" if count else ""
