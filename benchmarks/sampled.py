"""Times a step at 4 and at 8 domains if 32 routes are drawn for each batch.

Usage: python benchmarks/sampled.py [--domains 4 8] [--sample 32] [--turns 60]
[--json] [--output FILE]
"""

import argparse
import statistics
from functools import partial
from typing import Any

import gwbricks  # noqa: F401 - first: see gwbricks.torchvision_import

# isort: split
import torch
from report import add_arguments, plain_table, report
from step import bare_loop, build_graph, build_loader, graph_losses
from turns import in_turn, ratio
from work import Work

from gwbricks.data import as_named_inputs
from gwbricks.training.freed_memory import keep_freed_memory
from gwbricks.workspace import FusionRoutes, Workspace


def measure(domains: list[int], sample: int, turns: int) -> list[dict[str, Any]]:
    """Returns the times of each number of domains, and their ratios to the first."""
    ways = {}
    for count in domains:
        work = Work(count, 128)
        graph = build_graph(work, Workspace(routes=FusionRoutes(sample=sample)))
        inputs = as_named_inputs(next(iter(build_loader(work))))
        ways[str(count)] = bare_loop(graph, partial(graph_losses, graph, inputs))
    times = in_turn(ways, turns)
    first = times[str(domains[0])]
    return [
        {
            "domains": int(name),
            "sample": sample,
            "graph_ms": round(statistics.median(found.wall), 3),
            "graph_cpu_ms": round(statistics.median(found.cpu), 3),
            "ratio": round(ratio(found.cpu, first.cpu), 3),
        }
        for name, found in times.items()
    ]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domains", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--sample", type=int, default=32)
    parser.add_argument("--turns", type=int, default=60)
    add_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    found = measure(args.domains, args.sample, args.turns)
    title = f"A step of {args.sample} drawn routes"
    report(found, plain_table(found, title), args)


if __name__ == "__main__":
    main()
