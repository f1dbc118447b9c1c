"""docs/architecture.md shows the tree that is there."""

import ast
import re
from pathlib import Path

import gwbricks

PACKAGE = Path(gwbricks.__file__).parent
ROOT = PACKAGE.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_FILES = 16
MOST_SHARE = 0.15


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def cells(title: str) -> list[list[str]]:
    rows = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [[c.strip() for c in row.strip("|").split(" | ")] for row in rows[2:]]


def folders() -> dict[str, Path]:
    found = sorted({path.parent for path in PACKAGE.rglob("*.py")})
    return {f"gwbricks/{f.relative_to(PACKAGE).as_posix()}/": f for f in found[1:]}


def test_every_folder_is_listed_with_what_its_docstring_says() -> None:
    said = {
        f"`{name}`": (ast.get_docstring(_parse(folder)) or "").splitlines()[0]
        for name, folder in folders().items()
    }
    assert dict(cells("Folders")) == said


def _parse(folder: Path) -> ast.Module:
    return ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))


def test_every_path_that_is_named_is_there() -> None:
    places = ("bag_of_bricks", "bricks", "cli", "compare", "config", "data", "domains")
    names = [
        name
        for name in re.findall(r"`([\w./]+?(?:\.(?:py|yaml|md)|/))`", PAGE)
        if "NAME" not in name
    ]
    assert any(name.startswith(places) for name in names)
    roots = (ROOT, PACKAGE)
    missing = [n for n in names if not any((root / n).exists() for root in roots)]
    assert missing == []


def test_no_folder_is_crowded() -> None:
    lines = {name: [*map(_count, f.glob("*.py"))] for name, f in folders().items()}
    most = MOST_SHARE * sum(map(sum, lines.values()))
    assert {name for name, counts in lines.items() if sum(counts) > most} == set()
    assert {n for n, counts in lines.items() if len(counts) > MOST_FILES} == set()


def _count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
