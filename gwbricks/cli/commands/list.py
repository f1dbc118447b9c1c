"""`gwbricks list`: experiments and config options, each with its first line."""

from pathlib import Path

from gwbricks.cli.command import Command, Given
from gwbricks.errors import ConfigError, suggest

COMMAND = Command(
    "list",
    summary="show experiments and config options: list [GROUP]",
    usage="[GROUP]",
    notes="Without a group, all groups with their options.",
    takes_words=True,
)


def run(given: Given) -> None:
    """Prints a table."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from gwbricks.config.groups import groups, options_of

    asked = given.words
    if len(asked) > 1:
        raise ConfigError(f"list: {len(asked)} groups given. Expected one or none.")
    if asked and asked[0] not in groups():
        raise ConfigError(f"list: no group {asked[0]!r}.{suggest(asked[0], groups())}")
    table = Table(show_header=bool(not asked))
    if not asked:
        table.add_column("group")
    table.add_column("option", no_wrap=True)
    table.add_column("what")
    for group in asked or groups():
        for index, option in enumerate(options_of(group)):
            start = [] if asked else [group if index == 0 else ""]
            table.add_row(*start, option, escape(first_comment(group, option)))
    Console().print(table)


def first_comment(group: str, option: str) -> str:
    """Returns the first comment of a config that is no instruction to Hydra."""
    from gwbricks.config.groups import config_folders

    for folder in config_folders():
        path: Path = folder / group / f"{option}.yaml"
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
            return next((c for c in comments if not c.startswith("@")), "")
    return ""
