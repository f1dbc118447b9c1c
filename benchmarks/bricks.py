"""Times a collection of bricks against calling the same modules by hand.

A chain of 30 MLPs (64 -> 128 -> 64), in one thread. Both ways are run in turn, one step
each, so that a busy machine slows both; the ratio is that of their medians.

Usage: python benchmarks/bricks.py [--bricks 30] [--batch-size 128] [--json] …
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from report import add_arguments, report
from rich.table import Table
from torch import nn, Tensor

from gwbricks.bricks import BrickCollection, BrickTrainable, Stage

WARM_UP = 20


def build(count: int) -> tuple[BrickCollection, list[nn.Module]]:
    """Returns the collection, and its modules in the order of running."""
    torch.manual_seed(0)
    modules: list[nn.Module] = [
        nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
        for _ in range(count)
    ]
    bricks = {
        f"b{index:03}": BrickTrainable(module, [f"x{index}"], [f"x{index + 1}"])
        for index, module in enumerate(modules)
    }
    return BrickCollection(bricks, inputs=["x0"]), modules


def make_ways(count: int, batch_size: int) -> dict[str, list[Callable[[], object]]]:
    """Returns a step by bricks and the same by hand, by what the step does."""
    collection, modules = build(count)
    inputs = {"x0": torch.randn(batch_size, 64)}

    def by_bricks() -> Tensor:
        return collection(inputs, Stage.TRAIN)[f"x{count}"]

    def by_hand() -> Tensor:
        values = dict(inputs)
        for index, module in enumerate(modules):
            values[f"x{index + 1}"] = module(values[f"x{index}"])
        return values[f"x{count}"]

    def train(forward: Callable[[], Tensor]) -> None:
        collection.zero_grad()
        forward().square().mean().backward()

    return {
        "forward": [by_bricks, by_hand],
        "forward and backward": [partial(train, by_bricks), partial(train, by_hand)],
    }


def seconds(ways: Sequence[Callable[[], object]], steps: int) -> list[float]:
    """Returns the median time of each way, run in turn."""
    times: list[list[float]] = [[] for _ in ways]
    for step in range(steps + WARM_UP):
        for index, way in enumerate(ways):
            start = time.perf_counter()
            way()
            if step >= WARM_UP:
                times[index].append(time.perf_counter() - start)
    return [statistics.median(found) for found in times]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bricks", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    add_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    table = Table(
        title=f"{args.bricks} MLPs, batch {args.batch_size}, milliseconds",
    )
    for name in ("", "bricks", "by hand", "ratio"):
        table.add_column(name, justify="right")
    all_found = []
    for name, ways in make_ways(args.bricks, args.batch_size).items():
        bricks, hand = seconds(ways, args.steps)
        found = {
            "what": name,
            "bricks_ms": round(bricks * 1e3, 3),
            "hand_ms": round(hand * 1e3, 3),
            "ratio": round(bricks / hand, 3),
        }
        all_found.append(found)
        table.add_row(*map(str, found.values()))
    report(all_found, table, args)


if __name__ == "__main__":
    main()
