"""torchvision can be imported beside a torch that it was not built for."""

from gwbricks.torchvision_import import import_torchvision

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gwbricks

PACKAGE = Path(gwbricks.__file__).parent
FIRST = "gwbricks.torchvision_import"
LATER = ("lightning", "torchmetrics", "torchvision")
"""What imports torchvision if it is installed."""

UNFIT = """
import torch
from torchvision import operators  # as it was left by an import that failed
try:
    torch.library.register_fake("torchvision::nms", lambda *given: given[0])
except RuntimeError as error:
    operators.failed = True
    raise RuntimeError("operator torchvision::nms does not exist") from error
torch.library.register_fake("torchvision::qnms", lambda *given: given[0])
assert not operators.failed
"""


def imports(file: Path) -> list[str]:
    """Returns the packages that a file imports when it is imported, in order."""
    names = []
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def is_ready(file: Path) -> bool:
    """Whether a file imports torchvision before all else, or its folder does."""
    folders = [folder for folder in file.parents if PACKAGE in folder.parents]
    first = [imports(f)[:1] for f in (file, *(d / "__init__.py" for d in folders))]
    return [FIRST] in first


def test_whatever_imports_torchmetrics_or_lightning_imports_torchvision_first() -> None:
    late = [
        str(file.relative_to(PACKAGE))
        for file in sorted(PACKAGE.rglob("*.py"))
        if any(name.split(".")[0] in LATER for name in imports(file))
        and not is_ready(file)
    ]
    assert late == []


def test_operators_are_declared_for_a_torchvision_that_does_not_fit(
    tmp_path: Path,
) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(UNFIT)
    (package / "operators.py").write_text("failed = False")
    code = f"import {FIRST}, torch, torchvision; print(torch.ops.torchvision.qnms)"
    places = os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "torchvision.qnms\n", done.stderr


def test_other_errors_of_torchvision_are_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('of another kind')")
    for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="of another kind"):
        import_torchvision()


def test_torchvision_need_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    import_torchvision()
    assert sys.modules["torchvision"] is None
