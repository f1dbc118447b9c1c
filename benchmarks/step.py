"""Times a training step: the graph in a bare loop, and inside Lightning's Trainer.

Every domain has 8 * (i + 1) raw features and a frozen linear module to 32 dimensions;
GW encoders and decoders are 32 -> 64 -> 64 -> 16 and back; all five kinds of losses,
fusion routes; groups: every domain alone, every pair when there are more than two
domains, and all together.

Usage: python benchmarks/step.py [--domains 2 3 4] [--batch-size 128] [--json] …
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from functools import partial
from itertools import combinations

import gwbricks  # first: see gwbricks.torchvision_import

# isort: split
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger
from rich.console import Console
from rich.table import Table

from gwbricks import GWDecoder, GWEncoder, LightningBrickCollection, Stage
from gwbricks.bricks import BrickCollection
from gwbricks.data import as_named_inputs, TrainLoader
from gwbricks.domains import LinearDomain
from gwbricks.runs.quiet import quiet_libraries
from gwbricks.workspace import gw_bricks, Workspace, WorkspaceDomain

COEFS = {
    "translations": 1.0,
    "demi_cycles": 1.0,
    "cycles": 1.0,
    "fused": 1.0,
    "contrastives": 0.01,
}
ITEMS = 4096
STEPS = 100


class Clock(Callback):
    """Notes when each step ended."""

    def __init__(self) -> None:
        self.ticks: list[float] = []

    def on_train_batch_end(self, *_: object) -> None:
        """Notes the time."""
        self.ticks.append(time.perf_counter())


def build(count: int, batch_size: int) -> tuple[BrickCollection, TrainLoader]:
    """Returns the graph and the loader."""
    torch.manual_seed(0)
    names = [f"d{index}" for index in range(count)]
    sizes = {name: 8 * (index + 1) for index, name in enumerate(names)}
    domains = {
        name: WorkspaceDomain(
            LinearDomain(size, 32), GWEncoder(32, 64, 16, 1), GWDecoder(16, 64, 32, 1)
        )
        for name, size in sizes.items()
    }
    pairs = list(combinations(names, 2)) if count > 2 else []
    groups = [*((name,) for name in names), *pairs, tuple(names)]
    columns = {name: torch.randn(ITEMS, size) for name, size in sizes.items()}
    items = {group: torch.arange(ITEMS) for group in groups}
    bricks = gw_bricks(domains, Workspace(), COEFS)
    return BrickCollection(bricks), TrainLoader(columns, items, batch_size, seed=0)


def graph_seconds(graph: BrickCollection, loader: TrainLoader) -> float:
    """Returns the median time of a step in a bare loop, without loading."""
    inputs = as_named_inputs(next(iter(loader)))
    optimizer = torch.optim.AdamW(
        [p for p in graph.parameters() if p.requires_grad], lr=1e-3, fused=True
    )
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        values = graph.run(inputs, Stage.TRAIN, outputs=list(COEFS))
        losses = graph.extract_losses(values)
        torch.stack(
            [COEFS[name] * loss for name, loss in losses.items()]
        ).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    return statistics.median(times[10:])


def trainer_seconds(graph: BrickCollection, loader: TrainLoader) -> float:
    """Returns the median time of a step in the Trainer, with loading and logging."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, quiet_libraries():
        module = LightningBrickCollection(
            graph, partial(torch.optim.AdamW, lr=1e-3, fused=True), COEFS
        )
        Trainer(
            max_steps=STEPS,
            accelerator="cpu",
            logger=CSVLogger(folder),
            log_every_n_steps=10,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[clock],
        ).fit(module, loader)
    steps = [
        after - before
        for before, after in zip(clock.ticks, clock.ticks[1:], strict=False)
    ]
    return statistics.median(steps[10:])


def loader_seconds(loader: TrainLoader) -> float:
    """Returns the mean time of loading a batch."""
    start = time.perf_counter()
    count = sum(1 for _ in loader)
    return (time.perf_counter() - start) / count


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domains", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON line a size")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    table = Table(
        title=f"gwbricks {gwbricks.__version__}, batch {args.batch_size}, milliseconds"
    )
    for name in ("domains", "in the Trainer", "bare graph", "loader"):
        table.add_column(name, justify="right")
    for count in args.domains:
        graph, loader = build(count, args.batch_size)
        found = {
            "domains": count,
            "batch_size": args.batch_size,
            "trainer_ms": round(trainer_seconds(graph, loader) * 1e3, 3),
            "graph_ms": round(graph_seconds(graph, loader) * 1e3, 3),
            "loader_ms": round(loader_seconds(loader) * 1e3, 3),
        }
        if args.json:
            sys.stdout.write(json.dumps(found) + "\n")
        times = (f"{found[key]:.2f}" for key in ("trainer_ms", "graph_ms", "loader_ms"))
        table.add_row(str(count), *times)
    if not args.json:
        Console().print(table)


if __name__ == "__main__":
    main()
