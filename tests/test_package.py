import ast
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

import gwbricks

PACKAGE = Path(gwbricks.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [path.relative_to(PACKAGE).as_posix() for path in FILES]
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
GUARDS = ("if TYPE_CHECKING:", "if __name__ == '__main__':")
RUN_AT_IMPORT = "import_torchvision()"
MOST_LINES = 300
MOST_SECONDS = 0.5
MOST_FILES_OF_A_NAME = 2
FILES_OF_A_NAME = {
    "export": "the command, what it does with a run, and what that does with a graph",
    "module": "the class a folder is about: of data, of a domain, of a training",
}
"""Names that more files have, with the idea that these share."""


@pytest.fixture(params=NAMES)
def file(request: pytest.FixtureRequest) -> Path:
    return PACKAGE / request.param


def public(node: ast.AST, name: str) -> Iterator[tuple[str, ast.AST]]:
    """Yields public classes, functions and methods with their dotted names."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.ClassDef | ast.FunctionDef):
            continue
        if not child.name.startswith("_"):
            yield f"{name}.{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from public(child, f"{name}.{child.name}")


def test_every_public_name_has_a_docstring(file: Path) -> None:
    module = ast.parse(file.read_text(encoding="utf-8"))
    assert ast.get_docstring(module)
    bare = [
        name
        for name, node in public(module, file.stem)
        if not ast.get_docstring(node)  # pyright: ignore[reportArgumentType] - a class or a function
    ]
    assert bare == []


def imports(file: Path) -> list[str]:
    """Returns the dotted names of all modules that a file imports."""
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def test_every_package_that_is_imported_is_declared(file: Path) -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    declared = {re.split(r"[\[<>=]", d)[0] for d in (*project["dependencies"], *extras)}
    packages = {name.split(".")[0] for name in imports(file)}
    packages -= {"gwbricks", "hydra_plugins", *sys.stdlib_module_names}
    assert {DISTRIBUTIONS.get(name, name) for name in packages} <= declared


def class_names(file: Path) -> list[str]:
    """Returns the names of all classes in a file, without leading underscores."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return [node.name.lstrip("_") for node in nodes if isinstance(node, ast.ClassDef)]


def test_no_two_classes_have_the_same_name() -> None:
    homes: dict[str, list[str]] = {}
    for name, path in zip(NAMES, FILES, strict=True):
        for class_name in class_names(path):
            homes.setdefault(class_name, []).append(name)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_a_file_name_that_several_folders_have_means_the_same_in_all() -> None:
    counts = Counter(path.stem for path in FILES if path.stem != "__init__")
    often = {name for name, count in counts.items() if count > MOST_FILES_OF_A_NAME}
    assert often == FILES_OF_A_NAME.keys()


def test_importing_a_file_runs_nothing(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    loose = [node for node in tree.body if not isinstance(node, DEFINITIONS)]
    shown = [ast.unparse(node) for node in loose if not _is_docstring(node)]
    shown = [s for s in shown if not s.startswith(GUARDS)]
    assert shown == ([RUN_AT_IMPORT] if file.stem == "torchvision_import" else [])


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_no_file_is_too_long(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


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


def test_help_answers_at_once() -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run(
            [Path(sys.executable).with_name("gwbricks"), "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(time.perf_counter() - start)
        assert "usage: gwbricks COMMAND" in done.stdout
    assert min(seconds) < MOST_SECONDS


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
