"""`gwbricks predict`: what a run makes of a whole data set, in one file."""

import sys
from collections.abc import Sequence
from pathlib import Path

from gwbricks.cli.parser import OptionParser
from gwbricks.errors import ConfigError
from gwbricks.quick_imports import quick_imports

USAGE = """\
usage: gwbricks predict RUN_OR_CKPT --data DATA -o FILE

  RUN_OR_CKPT       a run folder, or a lone .ckpt file, which holds its config
  --data DATA       train, val or test: a split of the run's own data; or your own
                    .npz, .npy or .pt, one array a domain; a row of NaN is missing
  -o FILE           FILE.npz or FILE.safetensors
  --outputs NAMES   names of the graph, such as state,v/raw,logits, and routes, such as
                    v-to-t, a+v-to-t and v-through-t
  --batch-size N    most rows that are computed at once; 1024 by default
  --device DEVICE   where to compute, such as cuda; cpu by default
  --overwrite       replace FILE if it is there

Without --outputs, with domains v and t:

  state             the state of each item, of all domains that it has
  v/state           the same, of v alone
  v/raw             v, decoded from the state: the broadcast
  v-to-t            t, translated from v alone
  v-through-t       v, translated to t and from there back: a cycle

Every output has a row for each item, in the order of the data. It is NaN where the item
lacks what the output is made of.
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Predicts, and prints the shape of each output."""
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    parser = OptionParser("predict")
    parser.add_argument("target", metavar="RUN_OR_CKPT", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("-o", dest="path", required=True, type=Path)
    parser.add_argument("--outputs", type=_names)
    parser.add_argument("--batch-size", type=_count, default=1024)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--overwrite", action="store_true")
    given = parser.parse_args(list(args))
    with quick_imports():
        from gwbricks.inference.predict import predict

    predict(**vars(given), trusted=trusted)
    return 0


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ConfigError(f"--batch-size: {text!r}. Expected a whole number above 0.")
    return int(text)
