from pathlib import Path

from gwbricks.config.keys.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "config.md"


def test_page_shows_the_keys_as_they_are_read() -> None:
    shown = PAGE.read_text(encoding="utf-8")
    assert shown == reference(), (
        "docs/config.md is not what the tree says. Fix: python -m"
        " gwbricks.config.keys.reference > docs/config.md"
    )


def test_names_of_the_users_are_no_stars() -> None:
    rows = reference().splitlines()
    assert "*" not in "".join(row.split("|")[1] for row in rows if row[:1] == "|")
    assert any(row.startswith("| `domains.NAME.encoder` | a node") for row in rows)
