"""The graph of an experiment as a table with shapes."""

import warnings
from collections.abc import Collection, Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gwbricks.bricks import BrickCollection, BrickModule, Stage
from gwbricks.bricks.graph.step import Step
from gwbricks.bricks.stage import EVALUATED
from gwbricks.experiment.build import Experiment
from gwbricks.experiment.dry_run import dry_run, DryRun
from gwbricks.experiment.untrained import untrained_notes
from gwbricks.training import LightningBrickCollection


def show_graph(experiment: Experiment, console: Console | None = None) -> None:
    """Prints the bricks of a training step in order, with the shapes of one batch.

    Below it stands what each stage needs of the data, and what it reads if it is there.

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
    written = {name for step in found.steps for name in step.brick.output_names}
    data = found.values.keys() - written - {"stage"}
    for line in describe_stages(experiment.module, data):
        console.print(line, highlight=False, markup=False)
    parameters = list(experiment.module.parameters())
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    for note in untrained_notes(experiment.module):
        console.print(note, highlight=False, markup=False)
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


def describe_stages(
    module: LightningBrickCollection, data: Collection[str]
) -> list[str]:
    """Returns what each stage reads of the data, and which bricks nothing reads.

    Stages with the same text share a line. Inference has no unread bricks, since its
    last bricks are what it computes.

    Args:
        module: The graph and its losses.
        data: Names that a batch has.
    """
    stages: dict[str, list[str]] = {}
    for stage in (*EVALUATED, Stage.INFERENCE):
        stages.setdefault(_describe(stage, module, data), []).append(stage.value)
    return [f"{', '.join(names)}: {text}" for text, names in stages.items()]


def _describe(
    stage: Stage, module: LightningBrickCollection, data: Collection[str]
) -> str:
    collection, outputs, unread = module.brick_collection, None, set()
    if stage in EVALUATED:
        outputs = [n for n in collection.loss_names(stage) if n in module.loss_coefs]
        outputs += _metric_inputs(stage, collection)
        unread = _shorten(collection.unread_bricks(stage))
    required = collection.required_inputs(stage, outputs)
    needed = {name for name in required if "*" not in name}
    steps = collection.steps(stage, {*data, *needed}, outputs)
    taken = {name for step in steps for name in step.reads} & set(data) - needed
    said = {"needs": needed, "takes": taken, "nothing reads": unread}
    texts = [
        f"{verb} {', '.join(sorted(names))}" for verb, names in said.items() if names
    ]
    return "; ".join(texts) or "needs no data"


def _metric_inputs(stage: Stage, collection: BrickCollection) -> list[str]:
    metrics = [b for b in collection.flat().values() if b.reduces and b.is_alive(stage)]
    reads = [read for brick in metrics for read in brick.reads or ()]
    return [r.name for r in reads if not (r.optional or r.is_pattern)]


def _shorten(paths: Iterable[str]) -> set[str]:
    """Returns the paths, with a star for the nests in which several of them differ."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        nest, _, name = path.rpartition(".")
        outer = nest.rpartition(".")[0]
        groups.setdefault(f"{outer}.*.{name}" if outer else path, []).append(path)
    return {group if len(same) > 1 else same[0] for group, same in groups.items()}
