"""Writes what was measured: JSON lines, or a table."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `report`."""
    parser.add_argument("--json", action="store_true", help="JSON lines, no table")
    parser.add_argument("--output", type=Path, help="a file for the JSON lines")


def plain_table(found: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Returns a table with a column for each value."""
    table = Table(title=title)
    for name in found[0]:
        table.add_column(name, justify="right")
    for row in found:
        table.add_row(*map(str, row.values()))
    return table


def report(
    found: Sequence[Mapping[str, Any]], table: Table, args: argparse.Namespace
) -> None:
    """Writes the lines to a file, if one is named, and prints them or the table.

    Args:
        found: What was measured.
        table: The same for people.
        args: The options.
    """
    lines = "".join(json.dumps(values) + "\n" for values in found)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(lines, encoding="utf-8")
    if args.json:
        sys.stdout.write(lines)
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(table)
