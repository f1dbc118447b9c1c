"""Times a step at 4 and at 8 domains if 32 routes are drawn for each batch.

Usage: python benchmarks/sampled.py [--domains 4 8] [--sample 32] [--turns 10]
[--json] [--output FILE]
"""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import argparse
import statistics
from functools import partial
from typing import Any

from report import add_arguments, plain_table, report
from step import time_graph
from turns import in_turn, ratio
from work import Work

from gwbricks.workspace import FusionRoutes, Workspace


def measure(domains: list[int], sample: int, turns: int) -> list[dict[str, Any]]:
    """Returns the times of each number of domains, and their ratios to the first."""
    workspace = Workspace(routes=FusionRoutes(sample=sample))
    ways = {
        str(count): partial(time_graph, Work(count, 128), workspace)
        for count in domains
    }
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
    parser.add_argument("--turns", type=int, default=10)
    add_arguments(parser)
    args = parser.parse_args()
    found = measure(args.domains, args.sample, args.turns)
    title = f"A step of {args.sample} drawn routes"
    report(found, plain_table(found, title), args)


if __name__ == "__main__":
    main()
