"""`gwbricks compare`: runs side by side, as table, page, CSV and picture."""

import sys
from collections.abc import Sequence
from pathlib import Path

from gwbricks.cli.parser import OptionParser

USAGE = """\
usage: gwbricks compare FOLDER… [--by KEYS] [--metric NAMES] [-o FILE]

  FOLDER          runs, sweeps or any folder above them, or a group of runs in W&B:
                  wandb:ENTITY/PROJECT/GROUP
  --by KEYS       the keys that tell rows apart, as in lr or optimizer.lr,data.matched;
                  without it, all that differ. Runs that differ in their seed alone are
                  one row
  --metric NAMES  what is shown, as in test/loss or test/accuracy/*; the first orders
                  the rows. NAME:min or NAME:max says which way it is better
  --each          one row a run
  -o FILE         FILE.html, a page that needs nothing else; FILE.csv; or FILE.png, .svg
                  and .pdf with the extra `plot`. May be given more than once; without
                  it, compare.html in the first FOLDER
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Prints a table and writes files."""
    del trusted
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    parser = OptionParser("compare")
    parser.add_argument("targets", metavar="FOLDER", nargs="+")
    parser.add_argument("--by", action="extend", type=_names, default=[])
    parser.add_argument(
        "--metric", dest="metrics", action="extend", type=_names, default=[]
    )
    parser.add_argument("--each", action="store_true")
    parser.add_argument("-o", dest="paths", action="append", type=Path, default=[])
    given = parser.parse_args(list(args))
    from gwbricks.compare.report import report

    report(**vars(given))
    return 0


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
