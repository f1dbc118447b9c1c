"""Measures the peak memory of a process that trains, and of one that trains Shimmer.

With `--chunk`, also that of a process that computes its routes part by part.

Usage: python benchmarks/memory.py [--domains 4] [--batch-size 512] [--steps 20]
[--chunk 50] [--shimmer CHECKOUT] [--json] [--output FILE]
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from report import add_arguments, report
from rich.table import Table


def train(work: list[int], checkout: Path | None, chunk: int | None) -> None:
    """Trains in this process, and prints its peak memory in MiB.

    Args:
        work: Arguments of `Work`.
        checkout: A checkout of Shimmer, if that is to be trained.
        chunk: Most routes that are computed at once; None for all.
    """
    import step

    from gwbricks.workspace import FusionRoutes

    step.torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, step.quiet_libraries():
        if checkout:
            step.find_shimmer(checkout)
            step.fit_shimmer(step.Work(*work), folder)
        else:
            workspace = step.Workspace(routes=FusionRoutes(chunk=chunk))
            step.fit_graph(step.Work(*work), folder, workspace=workspace)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    sys.stdout.write(f"{peak:.0f}\n")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domains", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--chunk", type=int, help="most routes at once")
    parser.add_argument("--shimmer", type=Path, help="a checkout of ruflab/shimmer")
    add_arguments(parser)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    work = [args.domains, args.batch_size, args.steps]
    if args.child:
        train(work, args.shimmer, args.chunk)
        return

    def peak(*others: str) -> int:
        sizes = ["--domains", "--batch-size", "--steps"]
        pairs = [str(x) for pair in zip(sizes, work, strict=True) for x in pair]
        command = [sys.executable, __file__, "--child", *pairs, *others]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(result.stdout.split()[-1])

    found = {"domains": args.domains, "batch_size": args.batch_size}
    found["trainer_mib"] = peak()
    if args.chunk:
        found["chunked_mib"] = peak("--chunk", str(args.chunk))
    if args.shimmer:
        found["shimmer_mib"] = peak("--shimmer", str(args.shimmer))
    table = Table(*found, title="Peak memory of a process that trains")
    table.add_row(*map(str, found.values()))
    report([found], table, args)


if __name__ == "__main__":
    main()
