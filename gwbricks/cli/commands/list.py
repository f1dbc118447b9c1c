"""`gwbricks list`: experiments and config options, each with its first line."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gwbricks.config.groups import config_folders, groups, options_of
from gwbricks.errors import ConfigError, suggest

USAGE = """\
usage: gwbricks list [GROUP]

Without a group, all groups with their options.
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Prints a table."""
    del trusted
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    if len(args) > 1:
        raise ConfigError(f"list: {len(args)} groups given. Expected one or none.")
    if args and args[0] not in groups():
        raise ConfigError(f"list: no group {args[0]!r}.{suggest(args[0], groups())}")
    table = Table(show_header=bool(not args))
    if not args:
        table.add_column("group")
    table.add_column("option", no_wrap=True)
    table.add_column("what")
    for group in args or groups():
        for index, option in enumerate(options_of(group)):
            start = [] if args else [group if index == 0 else ""]
            table.add_row(*start, option, escape(first_comment(group, option)))
    Console().print(table)
    return 0


def first_comment(group: str, option: str) -> str:
    """Returns the first comment of a config that is no instruction to Hydra."""
    for folder in config_folders():
        path: Path = folder / group / f"{option}.yaml"
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
            return next((c for c in comments if not c.startswith("@")), "")
    return ""
