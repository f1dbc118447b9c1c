"""Runs side by side as one HTML page that needs nothing else."""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path

from gwbricks.compare.comparison import Comparison
from gwbricks.compare.page.data import page_data
from gwbricks.whole_file import write_whole

SCRIPTS = (
    *("dom", "data", "colours", "filter", "scales", "table", "curves", "keys"),
    *("parallel", "difference", "pictures", "main"),
)
"""Parts of the page's script, in this order."""


def write_page(comparison: Comparison, path: Path) -> None:
    """Writes the page.

    Names, values and errors of runs stay text: they lie in the page as JSON, and its
    content security policy runs no script but the page's own.

    Args:
        comparison: What is shown.
        path: The file.
    """
    folder = files("gwbricks.compare.page") / "assets"
    script = "".join((folder / f"{n}.js").read_text(encoding="utf-8") for n in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    style = (folder / "style.css").read_text(encoding="utf-8")
    parts = {
        "TITLE": escape(comparison.title),
        "SCRIPT_HASH": _hash(script),
        "STYLE_HASH": _hash(style),
        "STYLE": style,
        "DATA": _json(page_data(comparison)),
        "SCRIPT": script,
    }
    head, *rest = (folder / "page.html").read_text(encoding="utf-8").split("{{")
    text = [head]
    for piece in rest:
        name, _, after = piece.partition("}}")
        text += [parts[name], after]
    write_whole(path, "".join(text))


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _json(data: object) -> str:
    """Returns JSON that can stand inside a script element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # a `</script>` in a name would end the element
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
