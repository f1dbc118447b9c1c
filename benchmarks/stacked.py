"""Times a training step of stacked runs against the same runs one after the other.

For the work, see work.py. Each run has its own Trainer with loading and logging. A
ratio above 1 says how many times the processor time of the stack the runs take alone;
as many processes on as many idle cores save wall time, but no processor time.

Usage: python benchmarks/stacked.py [--domains 2 3] [--batch-size 16 128]
[--runs 1 2 4 8] [--device cpu] [--rounds 5] [--steps 50] [--json] [--output FILE]
"""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from report import add_arguments, report
from rich.table import Table
from step import build_graph, build_loader
from work import COEFS, LEARNING_RATE, Work

from gwbricks import LightningBrickCollection
from gwbricks.quiet_libraries import quiet_libraries
from gwbricks.training.batch_losses import compute_objective
from gwbricks.training.freed_memory import keep_freed_memory
from gwbricks.training.stack.turns import StackedRun, train_together

WARM_UP = 10


class Stopwatch(Callback):
    """Takes the time from the end of the warm-up to the end of the training."""

    def __init__(self) -> None:
        self._start = self._end = (0.0, 0.0)

    def on_train_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        """Starts after the warm-up."""
        del args, kwargs
        self._end = (time.perf_counter(), time.process_time())
        if trainer.global_step == WARM_UP:
            self._start = self._end

    def per_step(self, steps: int) -> tuple[float, float]:
        """Returns milliseconds of wall time and of the processor."""
        pairs = zip(self._start, self._end, strict=True)
        wall, cpu = ((end - start) * 1e3 / steps for start, end in pairs)
        return wall, cpu


def fit(
    work: Work, device: str, *callbacks: Callback, run: StackedRun | None = None
) -> None:
    """Trains one run, alone or as one of a stack."""
    keep_freed_memory()
    optimizer = partial(torch.optim.AdamW, lr=LEARNING_RATE, fused=True)
    compute = compute_objective if run is None else run.compute
    module = LightningBrickCollection(
        build_graph(work), optimizer, COEFS, seed=0, compute=compute
    )
    stacked = [] if run is None else [run]
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            max_steps=work.steps,
            accelerator=device,
            devices=1,
            default_root_dir=folder,
            logger=False,
            log_every_n_steps=10,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[*stacked, *callbacks],
        )
        trainer.fit(module, build_loader(work))


def time_alone(work: Work, device: str) -> tuple[float, float]:
    """Returns what a step of one run takes."""
    watch = Stopwatch()
    fit(work, device, watch)
    return watch.per_step(work.steps - WARM_UP)


def time_stacked(work: Work, device: str, runs: int) -> tuple[float, float]:
    """Returns what a step of all runs takes."""
    watch = Stopwatch()

    def action(index: int, run: StackedRun) -> None:
        fit(work, device, *([] if index else [watch]), run=run)

    train_together([partial(action, index) for index in range(runs)])
    return watch.per_step(work.steps - WARM_UP)


def measure(work: Work, device: str, runs: list[int], rounds: int) -> dict[str, Any]:
    """Returns medians over rounds, in each of which every way is timed once."""
    ways: dict[str, Callable[[], tuple[float, float]]] = {
        "alone": partial(time_alone, work, device)
    }
    ways |= {str(n): partial(time_stacked, work, device, n) for n in runs}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(way())
    found: dict[str, Any] = {"domains": work.domains, "batch_size": work.batch_size}
    for place, end in ((0, "ms"), (1, "cpu_ms")):
        of = {name: statistics.median(t[place] for t in times[name]) for name in ways}
        found |= {f"{name}_{end}": round(value, 2) for name, value in of.items()}
        found |= {
            f"{n}_{end}_ratio": round(n * of["alone"] / of[str(n)], 2) for n in runs
        }
    return found


def show(all_found: list[dict[str, Any]], runs: list[int]) -> Table:
    """Returns a table: milliseconds, and how many times less than one by one."""
    table = Table(title="A step, ms of the processor (of wall time), and ratios")
    for name in ("domains", "batch", "alone", *map(str, runs)):
        table.add_column(name, justify="right")
    for found in all_found:
        cells = [f"{found['alone_cpu_ms']} ({found['alone_ms']})"]
        for n in runs:
            ratios = f"{found[f'{n}_cpu_ms_ratio']} ({found[f'{n}_ms_ratio']})"
            cells.append(f"{found[f'{n}_cpu_ms']} ({found[f'{n}_ms']}): {ratios}")
        table.add_row(str(found["domains"]), str(found["batch_size"]), *cells)
    return table


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domains", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[16, 128])
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--device", default="cpu", help="accelerator of the Trainer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    add_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    sizes = [(count, size) for count in args.domains for size in args.batch_size]
    found = []
    for count, batch_size in sizes:
        work = Work(count, batch_size, args.steps + WARM_UP)
        with quiet_libraries():
            found.append(measure(work, args.device, args.runs, args.rounds))
    report(found, show(found, args.runs), args)


if __name__ == "__main__":
    main()
