"""Lets torchvision be imported beside a torch that it was not built for.

torchvision's wheels are built for CUDA. Beside a CPU build of torch their compiled
operators do not load, and the import ends with "operator torchvision::nms does not
exist"; torchmetrics imports torchvision when it is installed, so it fails too. Nothing
but detection models needs the operators: they are declared, and the import tried again.
"""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""What torchvision describes to torch at import, even if its operators did not load."""

_libraries: list[Any] = []


class _Finder(MetaPathFinder):
    """Finds torchvision, and nothing else."""

    def find_spec(
        self,
        fullname: str,
        path: Any,  # noqa: ANN401 - namespace packages pass what is no sequence
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != "torchvision":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads torchvision; the second time with the operators declared."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the wrapped loader
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        try:
            self._loader.exec_module(module)
        except RuntimeError as error:
            if "torchvision::nms" not in str(error):
                raise
            import torch

            library = torch.library.Library("torchvision", "DEF")
            for operator in OPERATORS:
                library.define(operator)
            _libraries.append(library)
            for name in [n for n in sys.modules if n.startswith("torchvision.")]:
                del sys.modules[name]
            self._loader.exec_module(module)


def install() -> None:
    """Puts the finder in place; once is enough."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
