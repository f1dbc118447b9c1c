"""`gwbricks export`: a route of a run as a file that runs without gwbricks."""

import sys
from collections.abc import Sequence
from pathlib import Path

from gwbricks.cli.parser import OptionParser
from gwbricks.errors import ConfigError
from gwbricks.quick_imports import quick_imports

USAGE = """\
usage: gwbricks export RUN_OR_CKPT --inputs NAMES --outputs NAMES -o FILE

  RUN_OR_CKPT      a run folder, or a lone .ckpt file, which holds its config
  --inputs NAMES   what will be given, as in pix or pix,fou: data, or what bricks write
  --outputs NAMES  what is wanted, as in kar/raw or kar/raw,state
  -o FILE          FILE.onnx for ONNX, FILE.pt2 for torch.export
  --batch-size N   the only number of rows; without it, any number

Only the bricks in between are exported. A workspace then fuses the inputs alone, as
evaluation does with rows that have only these domains.
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Exports, and prints shapes and the largest difference to PyTorch."""
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    parser = OptionParser("export")
    parser.add_argument("target", metavar="RUN_OR_CKPT", type=Path)
    parser.add_argument("--inputs", required=True, type=_names)
    parser.add_argument("--outputs", required=True, type=_names)
    parser.add_argument("-o", dest="path", required=True, type=Path)
    parser.add_argument("--batch-size", type=_count)
    given = parser.parse_args(list(args))
    with quick_imports():
        from gwbricks.inference.export import export

    export(**vars(given), trusted=trusted)
    return 0


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ConfigError(
            f"--batch-size: {text!r}. Expected a whole number above 0. Fix: leave it"
            " out for any number of rows."
        )
    return int(text)
