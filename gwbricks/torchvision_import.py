"""Imports torchvision, if it is installed, beside a torch that it was not built for.

torchvision's wheels are built for CUDA. Beside a CPU build of torch their compiled
operators do not load, and the import ends with "operator torchvision::nms does not
exist"; torchmetrics imports torchvision when it is installed, and Lightning
torchmetrics, so they fail too. Nothing but detection models needs the operators: they
are declared, and the import is tried again.

Whatever imports one of the three imports this first. It changes nothing but what an
import of torchvision does.
"""

import sys
from importlib.util import find_spec
from typing import Any

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""What torchvision describes to torch at import, even if its operators did not load."""

_libraries: list[Any] = []


def import_torchvision() -> None:
    """Imports torchvision; the second time with the operators declared."""
    if find_spec("torchvision") is None:
        return
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        _declare_operators()
        for name in [n for n in sys.modules if n.startswith("torchvision.")]:
            del sys.modules[name]
        import torchvision  # noqa: F401


def _declare_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in OPERATORS:
        library.define(operator)
    _libraries.append(library)  # which would take them back as it goes


import_torchvision()
