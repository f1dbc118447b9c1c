"""The keys of a config as a page for readers: docs/config.md.

`python -m gwbricks.config.keys.reference > docs/config.md` writes it.
"""

import sys
from collections.abc import Iterable
from itertools import groupby

from gwbricks.config.keys.key import Key, STAR
from gwbricks.config.keys.tree import TREE

HEAD = """\
# The keys of a config

What gwbricks reads from a config. NAME is a name of yours. `gwbricks list` shows the
options that fill these keys, and `gwbricks train --cfg job` a whole config. What stands
beside a `_target_` are arguments of the class that it names; the class in brackets is
what that class must be derived from. A key that nothing reads is an error, unless the
config itself refers to it from a section, as to `latent_dim` in `${..latent_dim}`.
"""
TABLE = """
| key | type | what it is |
| --- | --- | --- |
"""


def reference() -> str:
    """Returns the page, in Markdown."""
    tables = groupby(TREE, _section)
    return HEAD + "".join(_table(section, keys) for section, keys in tables)


def _section(key: Key) -> str:
    """Returns what heads the table of a key; names of one's own stand in the first."""
    return "" if key.name == STAR else key.section


def _table(section: str, keys: Iterable[Key]) -> str:
    head = f"\n## `{_path(section)}`\n" if section else ""
    return head + TABLE + "".join(map(_row, keys))


def _row(key: Key) -> str:
    expected = key.expected.replace("_target_", "`_target_`")
    return f"| `{_path(key.path)}` | {expected}{_roles(key.roles)} | {key.what} |\n"


def _path(path: str) -> str:
    return path.replace(STAR, "NAME")


def _roles(roles: Iterable[type]) -> str:
    names = " or ".join(f"`{role.__name__}`" for role in roles)
    return f" ({names})" if names else ""


if __name__ == "__main__":
    sys.stdout.write(reference())
