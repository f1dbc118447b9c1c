"""Imports point one way, and no file is in a circle.

Counted are imports inside functions, and names of modules in texts. An `__init__.py`
that only hands names on is not a file of its own here: who imports a name from it
imports the file that the name is from.
"""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

import gwbricks

PACKAGE = Path(gwbricks.__file__).parent
OTHERS = "*"
ORDER: dict[str, tuple[str, ...]] = {
    "": (
        "cli",
        "compare | import_shimmer | inference | sweeps",
        "runs",
        "experiment",
        "config",
        "training",
        "workspace",
        "domains",
        "losses | bag_of_bricks",
        "bricks",
        "data",
        "whole_file, formats, pickle_data, torchvision_import",
        "errors, print_line, seeding, quick_imports, quiet_libraries, version",
    ),
    "cli": ("main", "commands", OTHERS),
    "config": (OTHERS, "keys", "arguments"),
    "sweeps": ("optuna_sweeper, launchers", OTHERS, "search"),
    "compare": ("report", "page", OTHERS),
    "runs": (
        *(
            "worker",
            "train",
            "check, ready",
            "source_experiments, fit, loggers, processes",
        ),
        "folder",
    ),
    "training": ("stack", OTHERS, "callbacks, pictures"),
    "workspace": ("graph", OTHERS, "planning"),
    "bricks": ("files", "collection", "drawing", "graph", OTHERS),
    "data": (
        *("cifar10, digits, tensors, vectors", "module", "further_sets, loaders"),
        OTHERS,
    ),
}
"""Files and folders of each folder. Imports point down a list, never up.

On a line, what is parted by a comma may import each other in one direction; what is
parted by a bar may not at all.
"""

FREE = ("__init__", "__main__")
"""Files of the package itself that may import anything."""


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def home(module: str, name: str) -> str | None:
    """Returns the file that a name is from, looked up through what hands it on."""
    if f"{module}.{name}" in FILES:
        return f"{module}.{name}"
    if module not in FILES or FILES[module].name != "__init__.py":
        return module if module in FILES else None
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return home(node.module, alias.name)
    return module


def imports(name: str) -> Iterator[str]:
    """Yields the files that a file imports, wherever in it."""
    nodes = [*ast.walk(tree(name))]
    commands = {b for node in nodes for a, b in pairwise(texts(node)) if a == "-m"}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (home(node.module, alias.name) or "" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.JoinedStr | ast.Constant):
            yield from named(node, commands)


def texts(node: ast.AST) -> list[object]:
    """Returns what stands in a list, such as a command."""
    items = node.elts if isinstance(node, ast.List) else []
    return [getattr(item, "value", None) for item in items]


def named(node: ast.JoinedStr | ast.Constant, commands: set[object]) -> list[str]:
    """Returns the files that a text names; `python -m NAME` is another process."""
    if isinstance(node, ast.Constant):
        text = node.value
        is_name = isinstance(text, str) and "." in text and text not in commands
        return [str(text)] if is_name else []
    start = getattr(node.values[0], "value", None)
    is_start = isinstance(start, str) and start.startswith("gwbricks.")
    return [file for file in FILES if is_start and file.startswith(str(start))]


GRAPH = {
    name: {found for found in imports(name) if found in FILES and found != name}
    for name, path in FILES.items()
    if path.name != "__init__.py"
}


def place(folder: str, child: str) -> tuple[int, int]:
    """Returns the line of a file or folder, and which of the line's parts it is in."""
    for line, text in enumerate(ORDER[folder]):
        for part, names in enumerate(text.split(" | ")):
            if child in names.split(", "):
                return line, part
    if OTHERS not in ORDER[folder]:
        raise LookupError(f"{folder}: {child} has no place in the order of imports")
    return ORDER[folder].index(OTHERS), 0


def is_upward(importer: str, imported: str) -> bool:
    """Whether an import points up, at the folder where the two part."""
    own, other = importer.split(".")[1:], imported.split(".")[1:]
    folder = []
    while own[0] == other[0] and len(own) > 1 and len(other) > 1:
        folder.append(own.pop(0))
        other.pop(0)
    key = "/".join(folder)
    if key not in ORDER:
        return False
    (line, part), (other_line, other_part) = (place(key, own[0]), place(key, other[0]))
    return other_line < line or (other_line == line and other_part != part)


def test_imports_point_one_way() -> None:
    upward = [
        f"{name} imports {found}"
        for name in GRAPH
        if name.removeprefix("gwbricks.") not in FREE
        for found in sorted(GRAPH[name])
        if is_upward(name, found)
    ]
    assert not upward, "\n".join(upward)


def test_no_file_is_in_a_circle_of_imports() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_every_file_has_its_place_in_the_order_of_imports() -> None:
    for name in GRAPH:
        parts = name.split(".")[1:]
        if parts[0] not in FREE:
            place("", parts[0])
            if parts[0] in ORDER and len(parts) > 1:
                place(parts[0], parts[1])


@pytest.mark.parametrize(
    ("importer", "imported", "expected"),
    [
        pytest.param("cli.main", "runs.train", False, id="down"),
        pytest.param("runs.train", "cli.main", True, id="up"),
        pytest.param("compare.rows", "sweeps.record", True, id="side-by-side"),
        pytest.param("data.digits", "data.module", False, id="down-inside"),
        pytest.param("data.module", "data.digits", True, id="up-inside"),
        pytest.param("bricks.graph.step", "bricks.brick", False, id="to-the-others"),
        pytest.param("bricks.brick", "bricks.graph.step", True, id="from-the-others"),
    ],
)
def test_an_import_that_points_up_is_told(
    importer: str, imported: str, expected: bool
) -> None:
    assert is_upward(f"gwbricks.{importer}", f"gwbricks.{imported}") == expected
