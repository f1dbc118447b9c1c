"""Times commands as a user starts them, imports included: wall time and peak memory.

Usage: python benchmarks/commands.py [--turns 3] [--json] [--output FILE]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from report import add_arguments, report
from rich.table import Table

OFFLINE = {"WANDB_MODE": "offline"}
COMMANDS = {
    "help": "--help",
    "list": "list",
    "check": "check experiment=main_example",
    "main_example": "train experiment=main_example",
    "main_example again": "train experiment=main_example",
}
"""Commands by name; the second run finds the domains that the first has pretrained."""


def run(arguments: str, folder: str) -> tuple[float, float]:
    """Returns the seconds that a command took, and its peak memory in MiB.

    Args:
        arguments: What follows `gwbricks`.
        folder: Where it is run.

    Raises:
        SystemExit: If the command fails.
    """
    command = [sys.executable, "-m", "gwbricks", *arguments.split()]
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **OFFLINE},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"gwbricks {arguments}: failed.")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return seconds, usage.ru_maxrss / unit


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    add_arguments(parser)
    args = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(args.turns):
        with tempfile.TemporaryDirectory() as folder:
            for name, arguments in COMMANDS.items():
                found[name].append(run(arguments, folder))
    table = Table(title="Commands")
    for name in ("command", "seconds", "MiB"):
        table.add_column(name)
    lines = []
    for name, runs in found.items():
        seconds, memory = map(statistics.median, zip(*runs, strict=True))
        table.add_row(name, f"{seconds:.2f}", f"{memory:.0f}")
        values = {"command": name, "seconds": round(seconds, 2), "mib": round(memory)}
        lines.append(values)
    report(lines, table, args)


if __name__ == "__main__":
    main()
