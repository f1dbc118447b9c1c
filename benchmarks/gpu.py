"""Times a step on a GPU, and counts the kernels that it launches.

`graph` is the graph of the work in a bare loop, `compiled` the same compiled, `plain`
the same mathematics by hand, and `shimmer` Shimmer's step in a bare loop; without a GPU
there is nothing to measure.

Usage: python benchmarks/gpu.py [--domains 2 3 4 6] [--batch-size 128] [--turns 50]
[--shimmer CHECKOUT] [--json] [--output FILE]
"""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from plain import PlainWorkspace
from report import add_arguments, plain_table, report
from shimmer_work import find_shimmer, shimmer_step
from step import bare_loop, build_graph, build_loader, graph_losses
from torch.profiler import profile, ProfilerActivity
from work import COEFS, Work

from gwbricks.bricks import CompiledCollection, Stage
from gwbricks.data import as_named_inputs

WARM_UP = 10


def measure(work: Work, turns: int, with_shimmer: bool) -> dict[str, Any]:
    """Returns times and launches of each way."""
    batch = as_named_inputs(next(iter(build_loader(work))))
    columns = {name: batch[name].cuda() for name in work.sizes}
    inputs = {**batch, **columns}
    graph = build_graph(work).cuda()
    with torch.device("cuda"):
        plain = PlainWorkspace(work)
    compiled = CompiledCollection(graph)

    def compiled_losses() -> dict[str, torch.Tensor]:
        values = compiled.run(inputs, Stage.TRAIN, list(COEFS))
        return graph.extract_losses(values)

    ways = {
        "graph": bare_loop(graph, partial(graph_losses, graph, inputs)),
        "compiled": bare_loop(graph, compiled_losses),
        "plain": bare_loop(plain, partial(plain, columns)),
    }
    if with_shimmer:
        ways["shimmer"] = shimmer_step(work, "cuda")
    found: dict[str, Any] = {"domains": work.domains, "batch_size": work.batch_size}
    for name, step in ways.items():
        found[f"{name}_ms"] = round(milliseconds(step, turns), 3)
        found[f"{name}_launches"] = launches(step)
    return found


def milliseconds(step: Callable[[], None], turns: int) -> float:
    """Returns the median time of a step, its kernels included."""
    times = []
    for turn in range(WARM_UP + turns):
        torch.cuda.synchronize()
        start = time.perf_counter()
        step()
        torch.cuda.synchronize()
        times += [time.perf_counter() - start] * (turn >= WARM_UP)
    return statistics.median(times) * 1e3


def launches(step: Callable[[], None]) -> int:
    """Counts the kernels of a step."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        step()
    return sum("LaunchKernel" in event.name for event in profiler.events() or ())


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domains", type=int, nargs="+", default=[2, 3, 4, 6])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--shimmer", type=Path, help="a checkout of ruflab/shimmer")
    add_arguments(parser)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        sys.stdout.write("benchmarks/gpu.py: skipped, there is no GPU here.\n")
        return
    if args.shimmer:
        find_shimmer(args.shimmer)
    found = [
        measure(Work(n, args.batch_size), args.turns, bool(args.shimmer))
        for n in args.domains
    ]
    report(found, plain_table(found, "A step on a GPU"), args)


if __name__ == "__main__":
    main()
