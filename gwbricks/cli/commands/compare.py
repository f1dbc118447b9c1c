"""`gwbricks compare`: runs side by side, as table, page, CSV and picture."""

from pathlib import Path

from gwbricks.cli.command import Argument, Command, Given
from gwbricks.cli.shared_arguments import names

COMMAND = Command(
    "compare",
    summary="show runs side by side: compare FOLDER… [--by KEYS] [--metric NAMES]",
    usage="FOLDER… [--by KEYS] [--metric NAMES] [-o FILE]",
    arguments=(
        Argument(
            "FOLDER",
            "runs, sweeps or any folder above them, or a group of runs in W&B:"
            " wandb:ENTITY/PROJECT/GROUP",
            {"dest": "targets", "nargs": "+"},
        ),
        Argument(
            "--by KEYS",
            "the keys that tell rows apart, as in lr or optimizer.lr,data.matched;"
            " without it, all that differ. Runs that differ in their seed alone are"
            " one row",
            {"action": "extend", "type": names, "default": []},
        ),
        Argument(
            "--metric NAMES",
            "what is shown, as in test/loss or test/accuracy/*; the first orders the"
            " rows. NAME:min or NAME:max says which way it is better",
            {"dest": "metrics", "action": "extend", "type": names, "default": []},
        ),
        Argument("--each", "one row a run", {"action": "store_true"}),
        Argument(
            "-o FILE",
            "FILE.html, a page that needs nothing else; FILE.csv; or FILE.png, .svg"
            " and .pdf with the extra `plot`. May be given more than once; without it,"
            " compare.html in the first FOLDER",
            {"dest": "paths", "action": "append", "type": Path, "default": []},
        ),
    ),
)


def run(given: Given) -> None:
    """Prints a table and writes files."""
    from gwbricks.compare.report import report

    report(**vars(given.options))
