"""Mermaid text as SVG, PNG and terminal art, without a browser."""

import re
from types import ModuleType

from gwbricks.errors import ConfigError

BACKEND = "merman"  # lays out as mermaid.js does, a hundred times faster
FONT_SIZE = 13
"""In pixels; letters are measured at 16, and some fonts are wider than measured."""
TITLE = re.compile(r'(<g [^>]*(?:nodes|cluster-label)[^>]*><text [^>]*?style=")')
"""First line of a label."""
MOST_PIXELS = 4000
"""Greatest width of a PNG of twice the size of its SVG."""


def render_svg(text: str) -> str:
    """Returns mermaid text as SVG whose words are text, which every viewer shows.

    Raises:
        ConfigError: If the extra `draw` is not installed, or the graph is too large.
    """
    library = _library()
    try:
        svg = library.render(text, backend=BACKEND).svg()
    except ValueError as error:
        raise ConfigError(
            f"draw: {error}. Fix: draw less, with --detail overview or --outputs, or"
            " take the mermaid text: -o FILE.mmd."
        ) from error
    svg = svg.replace('style="', 'style="background-color:white;', 1)
    svg = svg.replace("font-size:16px", f"font-size:{FONT_SIZE}px")
    return TITLE.sub(r"\1font-weight:bold;", svg)


def render_png(svg: str, width: int | None = None) -> bytes:
    """Returns an SVG as PNG, on white.

    Args:
        svg: The SVG.
        width: Width in pixels; None makes it as sharp as print needs.

    Raises:
        ConfigError: If the extra `draw` is not installed.
    """
    if width is None:
        natural = float(svg.partition('viewBox="')[2].split()[2])
        width = min(round(2 * natural), MOST_PIXELS)
    return _library().svg_to_png(svg, width=width, background="#ffffff")


def render_art(text: str) -> str:
    """Returns mermaid text with plain labels as boxes and lines of characters.

    Raises:
        ConfigError: If the extra `draw` is not installed.
    """
    lines = str(_library().render_ascii(text)).splitlines()
    return "\n".join([*(line.rstrip() for line in lines), ""])


def _library() -> ModuleType:
    try:
        import mermaidx
        import mmdr  # noqa: F401 - the backend
    except ImportError as error:
        raise ConfigError(
            "draw: this needs the extra `draw`. Fix: pip install"
            " 'gwbricks[draw]', or take the mermaid text: -o FILE.mmd."
        ) from error
    return mermaidx
