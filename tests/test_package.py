import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

import gwbricks

PACKAGE = Path(gwbricks.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = (
    *("torch", "lightning", "torchmetrics", "hydra", "omegaconf", "wandb", "numpy"),
    "rich",
)
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
QUIET = ("if TYPE_CHECKING:", "if __name__ == '__main__':")
"""How the other statements start that a file may run when it is imported."""

RUN_AT_IMPORT = {"torchvision_import.py: import_torchvision()"}
"""What an import is for, in the file that is nothing else."""

MOST_LINES = 300
MOST_FILES_OF_A_NAME = 2
FILES_OF_A_NAME = {
    "export": "the command, what it does with a run, and what that does with a graph",
    "module": "the class a folder is about: of data, of a domain, of a training",
}
"""Names that more files have, with the idea that these share."""


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


def class_names(file: Path) -> list[str]:
    """Returns the names of all classes in a file, without leading underscores."""
    nodes = ast.walk(parsed(file))
    return [node.name.lstrip("_") for node in nodes if isinstance(node, ast.ClassDef)]


def test_no_two_classes_have_the_same_name() -> None:
    homes: dict[str, list[str]] = {}
    for file in FILES:
        for name in class_names(file):
            homes.setdefault(name, []).append(str(file.relative_to(PACKAGE)))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_a_file_name_that_several_folders_have_means_the_same_in_all() -> None:
    counts = Counter(file.stem for file in FILES if file.stem != "__init__")
    often = {name for name, count in counts.items() if count > MOST_FILES_OF_A_NAME}
    assert often == FILES_OF_A_NAME.keys()


def test_importing_a_file_runs_nothing() -> None:
    loose = {
        f"{file.relative_to(PACKAGE)}: {ast.unparse(node)}"
        for file in FILES
        for node in parsed(file).body
        if not (isinstance(node, DEFINITIONS) or _is_docstring(node))
        and not ast.unparse(node).startswith(QUIET)
    }
    assert loose == RUN_AT_IMPORT


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
