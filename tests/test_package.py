import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

import gwbricks

PACKAGE = Path(gwbricks.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("torch", "lightning", "torchmetrics", "hydra", "omegaconf", "wandb", "numpy")
DISTRIBUTIONS = {
    "hydra": "hydra-core",
    "mmdr": "mermaidx",
    "PIL": "pillow",
    "mlflow": "mlflow-skinny",
    "yaml": "pyyaml",
}
"""Where a package comes from, if not from one of its own name."""

DEFINITIONS = (
    *(ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef),
    *(ast.Assign, ast.AnnAssign),
)
QUIET = ("if TYPE_CHECKING:", "if __name__ == '__main__':", "install()")
"""How the other statements start that a file may run when it is imported."""

MOST_LINES = 300


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path) -> Iterator[str]:
    """Yields the dotted names of all modules that a file imports."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    declared = {re.split(r"[\[<>=]", d)[0] for d in (*project["dependencies"], *extras)}
    own = {"gwbricks", "hydra_plugins", *sys.stdlib_module_names}
    undeclared = {
        f"{file.relative_to(PACKAGE)}: {package}"
        for file in FILES
        for package in {name.split(".")[0] for name in imports(file)} - own
        if DISTRIBUTIONS.get(package, package) not in declared
    }
    assert undeclared == set()


def test_importing_a_file_runs_nothing() -> None:
    loose = {
        f"{file.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}"
        for file in FILES
        for node in parsed(file).body
        if not (isinstance(node, DEFINITIONS) or _is_docstring(node))
        and not ast.unparse(node).startswith(QUIET)
    }
    assert loose == set()


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_no_file_is_too_long() -> None:
    lengths = {file: len(file.read_text("utf-8").splitlines()) for file in FILES}
    assert {f: count for f, count in lengths.items() if count > MOST_LINES} == {}


def imported(code: str) -> set[str]:
    """Returns which heavy packages some code imports, in a fresh Python."""
    ask = f"{code}\nimport sys\nprint(*(n for n in {HEAVY} if n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.strip() else set()


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import gwbricks", id="import"),
        pytest.param("import gwbricks; dir(gwbricks)", id="dir"),
        pytest.param("from gwbricks.cli.main import main; main(['--help'])", id="help"),
    ],
)
def test_what_must_be_quick_imports_nothing_heavy(code: str) -> None:
    assert imported(code) == set()


@pytest.mark.slow
def test_a_public_name_is_imported_when_it_is_used() -> None:
    assert "torch" in imported("from gwbricks import GWEncoder")


def test_python_m_gwbricks_is_gwbricks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gwbricks", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{gwbricks.__version__}\n"


def test_every_listed_name_is_there() -> None:
    for name in gwbricks._HOMES:
        assert getattr(gwbricks, name).__name__ == name
        assert name in dir(gwbricks)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'gwbricks' has no attribute 'GWEncodr'"):
        _ = gwbricks.GWEncodr
