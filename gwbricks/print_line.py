"""Prints lines that hold names, paths and messages."""

from rich.console import Console


def print_line(console: Console, line: str) -> None:
    """Prints a line as it is: whole, without markup and without colours.

    Args:
        console: Where to print.
        line: The line, which may have brackets, as names of runs and messages do.
    """
    console.print(line, soft_wrap=True, markup=False, highlight=False)
