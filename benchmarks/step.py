"""Times a training step: in the Trainer, in bare loops, and its matrix products alone.

For the work, see work.py. `trainer` is gwbricks in Lightning's Trainer, with loading
and logging; `graph` the same graph in a bare loop, `plain` the same mathematics by
hand, `floor` the matrix products, `kept_floor` these where freed memory is kept,
`shimmer` Shimmer's step in a Trainer of its own, and `compiled` that of gwbricks with
`compile=true`. Each has a process of its own, and they take turns of ten steps (see
turns.py); a ratio is the median over turns. Times of the processor (`cpu`) are of more
use than wall times when the machine is busy.

Usage: python benchmarks/step.py [--domains 2 3 4 6] [--batch-size 128] [--threads 1]
[--turns 20] [--shimmer CHECKOUT] [--compile] [--json] [--output FILE]
"""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
from floor import matrix_products
from lightning.pytorch import Callback
from plain import PlainWorkspace
from report import add_arguments, report
from rich.table import Table
from shimmer_work import find_shimmer, fit_shimmer
from torch import nn, Tensor
from turns import every_turn, EveryStep, fit, in_turn, ratio, STEPS, Turns, WARM_UP
from work import COEFS, DIM, HIDDEN_DIM, ITEMS, LATENT_DIM, LEARNING_RATE, Work

from gwbricks import GWDecoder, GWEncoder, LightningBrickCollection, Stage
from gwbricks.bricks import BrickCollection
from gwbricks.data import as_named_inputs, TrainLoader
from gwbricks.domains import LinearDomain
from gwbricks.quiet_libraries import quiet_libraries
from gwbricks.training.freed_memory import keep_freed_memory
from gwbricks.workspace import gw_bricks, Workspace, WorkspaceDomain

WAYS = (
    "shimmer",
    "trainer",
    "compiled",
    "graph",
    "plain",
    "floor",
    "kept_floor",
    "loader",
)
RATIOS = (
    ("shimmer", "trainer"),
    ("trainer", "floor"),
    ("trainer", "kept_floor"),
    ("trainer", "compiled"),
    ("trainer", "graph"),
    ("graph", "plain"),
)


def build_graph(work: Work, workspace: Workspace | None = None) -> BrickCollection:
    """Returns the graph of the work."""
    torch.manual_seed(0)
    domains = {
        name: WorkspaceDomain(
            LinearDomain(size, LATENT_DIM),
            GWEncoder(LATENT_DIM, HIDDEN_DIM, DIM, 1),
            GWDecoder(DIM, HIDDEN_DIM, LATENT_DIM, 1),
        )
        for name, size in work.sizes.items()
    }
    return BrickCollection(gw_bricks(domains, workspace or Workspace(), COEFS))


def build_loader(work: Work) -> TrainLoader:
    """Returns the loader of the work."""
    items = {group: torch.arange(ITEMS) for group in work.groups}
    return TrainLoader(work.columns(), items, work.batch_size, seed=0)


def first_batch(work: Work) -> dict[str, Any]:
    """Returns a batch, as the graph takes it."""
    return as_named_inputs(next(iter(build_loader(work))))


def columns_of(work: Work) -> dict[str, Tensor]:
    """Returns the raw data of a batch."""
    inputs = first_batch(work)
    return {name: inputs[name] for name in work.sizes}


def fit_graph(
    work: Work,
    folder: str,
    *callbacks: Callback,
    compiled: bool = False,
    workspace: Workspace | None = None,
) -> None:
    """Trains the graph in the Trainer, with freed memory kept, as a run does."""
    keep_freed_memory()
    optimizer = partial(torch.optim.AdamW, lr=LEARNING_RATE, fused=True)
    schedule = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=LEARNING_RATE)
    module = LightningBrickCollection(
        build_graph(work, workspace), optimizer, COEFS, schedule, compiled=compiled
    )
    fit(module, build_loader(work), work.steps, folder, *callbacks)


def graph_losses(graph: BrickCollection, inputs: dict[str, Any]) -> dict[str, Tensor]:
    """Returns the loss of each kind."""
    return graph.extract_losses(graph.run(inputs, Stage.TRAIN, outputs=list(COEFS)))


def bare_loop(
    module: nn.Module, losses: Callable[[], dict[str, Tensor]]
) -> Callable[[], None]:
    """Returns a step that minimises the losses."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, fused=True)

    def step() -> None:
        found = losses()
        torch.stack([COEFS[name] * found[name] for name in COEFS]).sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def batches(loader: TrainLoader) -> Iterator[object]:
    """Yields batches for ever."""
    for epoch in repeat(loader):
        yield from epoch


def time_trainer(work: Work, compiled: bool, turns: Turns) -> None:
    """Takes turns with steps of gwbricks in the Trainer."""
    with quiet_libraries(), tempfile.TemporaryDirectory() as folder:
        fit_graph(work, folder, EveryStep(turns), compiled=compiled)


def time_shimmer(work: Work, checkout: Path, turns: Turns) -> None:
    """Takes turns with steps of Shimmer in the Trainer."""
    find_shimmer(checkout)
    with quiet_libraries(), tempfile.TemporaryDirectory() as folder:
        fit_shimmer(work, folder, EveryStep(turns))


def time_graph(work: Work, workspace: Workspace | None, turns: Turns) -> None:
    """Takes turns with steps of the graph."""
    keep_freed_memory()
    graph, inputs = build_graph(work, workspace), first_batch(work)
    every_turn(turns, bare_loop(graph, partial(graph_losses, graph, inputs)))


def time_plain(work: Work, turns: Turns) -> None:
    """Takes turns with steps by hand."""
    keep_freed_memory()
    plain, columns = PlainWorkspace(work), columns_of(work)
    every_turn(turns, bare_loop(plain, partial(plain, columns)))


def time_floor(work: Work, kept: bool, turns: Turns) -> None:
    """Takes turns with the matrix products alone."""
    if kept:
        keep_freed_memory()
    products = matrix_products(work, columns_of(work))
    every_turn(turns, lambda: [product() for product in products])


def time_loader(work: Work, turns: Turns) -> None:
    """Takes turns with the loader alone."""
    every_turn(turns, partial(next, batches(build_loader(work))))


def measure(
    work: Work,
    turns: int,
    threads: int = 1,
    shimmer: Path | None = None,
    with_compiled: bool = False,
) -> dict[str, Any]:
    """Returns times and their ratios."""
    ways: dict[str, Callable[[Turns], object]] = {
        "trainer": partial(time_trainer, work, False),
        "graph": partial(time_graph, work, None),
        "plain": partial(time_plain, work),
        "floor": partial(time_floor, work, False),
        "kept_floor": partial(time_floor, work, True),
        "loader": partial(time_loader, work),
    }
    if shimmer:
        ways = {"shimmer": partial(time_shimmer, work, shimmer), **ways}
    if with_compiled:
        ways["compiled"] = partial(time_trainer, work, True)
    times = in_turn(ways, turns, threads)
    found: dict[str, Any] = {"domains": work.domains, "batch_size": work.batch_size}
    for kind in ("wall", "cpu"):
        end = "ms" if kind == "wall" else "cpu_ms"
        of = {name: getattr(t, kind) for name, t in times.items()}
        found |= {
            f"{n}_{end}": round(statistics.median(of[n]), 3) for n in WAYS if n in of
        }
        found[f"{kind}_ratios"] = {
            f"{a}/{b}": round(ratio(of[a], of[b]), 3)
            for a, b in RATIOS
            if a in of and b in of
        }
    return found


def show(all_found: list[dict[str, Any]]) -> Table:
    """Returns a table: processor times, and wall times in brackets."""
    table = Table(title="A step, milliseconds of the processor (of wall time)")
    names = [n for n in WAYS if f"{n}_ms" in all_found[0]]
    ratios = list(all_found[0]["cpu_ratios"])
    for name in ("domains", "batch", *names, *ratios):
        table.add_column(name, justify="right")
    for found in all_found:
        times = [f"{found[f'{n}_cpu_ms']:.2f} ({found[f'{n}_ms']:.2f})" for n in names]
        of = [
            f"{found['cpu_ratios'][r]:.2f} ({found['wall_ratios'][r]:.2f})"
            for r in ratios
        ]
        table.add_row(str(found["domains"]), str(found["batch_size"]), *times, *of)
    return table


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domains", type=int, nargs="+", default=[2, 3, 4, 6])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[128])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--shimmer", type=Path, help="a checkout of ruflab/shimmer")
    parser.add_argument("--compile", action="store_true", help="compile=true, too")
    add_arguments(parser)
    args = parser.parse_args()
    if args.shimmer:
        find_shimmer(args.shimmer)
    sizes = [(count, size) for size in args.batch_size for count in args.domains]
    found = [
        measure(
            Work(count, batch_size, (args.turns + WARM_UP) * STEPS + 2),
            args.turns,
            args.threads,
            args.shimmer,
            args.compile,
        )
        for count, batch_size in sizes
    ]
    report(found, show(found), args)


if __name__ == "__main__":
    main()
