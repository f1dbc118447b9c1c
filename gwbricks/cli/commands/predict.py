"""`gwbricks predict`: what a run makes of a whole data set, in one file."""

from pathlib import Path

from gwbricks.cli.command import Argument, Command, Given
from gwbricks.cli.shared_arguments import batch_size, names, RUN
from gwbricks.quick_imports import quick_imports

COMMAND = Command(
    "predict",
    summary="states, translations, … of data: predict RUN --data test -o FILE.npz",
    usage="RUN_OR_CKPT --data DATA -o FILE",
    arguments=(
        RUN,
        Argument(
            "--data DATA",
            "train, val or test: a split of the run's own data; or your own .npz, .npy"
            " or .pt, one array a domain; a row of NaN is missing",
            {"required": True},
        ),
        Argument(
            "-o FILE",
            "FILE.npz or FILE.safetensors",
            {"dest": "path", "required": True, "type": Path},
        ),
        Argument(
            "--outputs NAMES",
            "names of the graph, such as state,v/raw,logits, and routes, such as"
            " v-to-t, a+v-to-t and v-through-t",
            {"type": names},
        ),
        Argument(
            "--batch-size N",
            "most rows that are computed at once; 1024 by default",
            {"type": batch_size, "default": 1024},
        ),
        Argument(
            "--device DEVICE",
            "where to compute, such as cuda; cpu by default",
            {"default": "cpu"},
        ),
        Argument(
            "--overwrite", "replace FILE if it is there", {"action": "store_true"}
        ),
    ),
    notes="""\
Without --outputs, with domains v and t:

  state             the state of each item, of all domains that it has
  v/state           the same, of v alone
  v/raw             v, decoded from the state: the broadcast
  v-to-t            t, translated from v alone
  v-through-t       v, translated to t and from there back: a cycle

Every output has a row for each item, in the order of the data. It is NaN where the item
lacks what the output is made of.""",
)


def run(given: Given) -> None:
    """Predicts, and prints the shape of each output."""
    with quick_imports():
        from gwbricks.inference.predict import predict

    predict(**vars(given.options), trusted=given.trusted)
