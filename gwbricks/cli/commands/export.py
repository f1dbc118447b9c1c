"""`gwbricks export`: a route of a run as a file that runs without gwbricks."""

from functools import partial
from pathlib import Path

from gwbricks.cli.command import Argument, Command, Given
from gwbricks.cli.shared_arguments import batch_size, names, RUN
from gwbricks.quick_imports import quick_imports

COMMAND = Command(
    "export",
    summary="write a route as ONNX: export RUN --inputs v --outputs t/raw -o FILE",
    usage="RUN_OR_CKPT --inputs NAMES --outputs NAMES -o FILE",
    arguments=(
        RUN,
        Argument(
            "--inputs NAMES",
            "what will be given, as in pix or pix,fou: data, or what bricks write",
            {"required": True, "type": names},
        ),
        Argument(
            "--outputs NAMES",
            "what is wanted, as in kar/raw or kar/raw,state",
            {"required": True, "type": names},
        ),
        Argument(
            "-o FILE",
            "FILE.onnx for ONNX, FILE.pt2 for torch.export",
            {"dest": "path", "required": True, "type": Path},
        ),
        Argument(
            "--batch-size N",
            "the only number of rows; without it, any number",
            {
                "type": partial(
                    batch_size, fix=" Fix: leave it out for any number of rows."
                )
            },
        ),
    ),
    notes="""\
Only the bricks in between are exported. A workspace then fuses the inputs alone, as
evaluation does with rows that have only these domains.""",
)


def run(given: Given) -> None:
    """Exports, and prints shapes and the largest difference to PyTorch."""
    with quick_imports():
        from gwbricks.inference.export import export

    export(**vars(given.options), trusted=given.trusted)
