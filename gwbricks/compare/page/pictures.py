"""The pictures of runs, made small enough for one page."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from mimetypes import guess_type
from pathlib import Path

from gwbricks.compare.run import ComparedRun

LARGEST = 100_000
"""Size above which a picture is scaled down, in bytes."""

WIDEST = 640
"""Longest side of a picture that is scaled down, in pixels."""

MOST_BYTES = 8_000_000
"""Most bytes of pictures in a page."""


class Album:
    """Pictures by name and run, each kept once.

    Args:
        runs: The runs.
    """

    def __init__(self, runs: Sequence[ComparedRun]) -> None:
        self.images: list[str] = []
        self.places: dict[str, dict[int, int]] = {}
        self.num_left_out = 0
        self._known: dict[bytes, int] = {}
        self._room = MOST_BYTES
        names = sorted({n for run in runs for n in run.pictures}, key=_order)
        for name in names:
            for index, run in enumerate(runs):
                if name in run.pictures:
                    self._add(name, index, run.pictures[name])

    def _add(self, name: str, run: int, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError:  # it was removed since the run was read
            content = b""
        key = sha256(content).digest()
        if key not in self._known:
            image = _data_url(path, content) if content else None
            if image is None or len(image) > self._room:
                self.num_left_out += 1
                return
            self._room -= len(image)
            self._known[key] = len(self.images)
            self.images.append(image)
        self.places.setdefault(name, {})[run] = self._known[key]


def _order(name: str) -> tuple[bool, str]:
    # of most runs the graph is the same, so it comes last
    return name == "graph.svg", name


def _data_url(path: Path, content: bytes) -> str | None:
    """Returns a picture as text; None if it is damaged."""
    kind = guess_type(path.name)[0] or "application/octet-stream"
    if path.suffix != ".svg" and len(content) > LARGEST:
        from PIL import Image

        try:
            image = Image.open(BytesIO(content)).convert("RGB")
        except (OSError, ValueError):
            return None
        image.thumbnail((WIDEST, WIDEST))
        target = BytesIO()
        image.save(target, "WEBP", quality=85)
        kind, content = "image/webp", target.getvalue()
    return f"data:{kind};base64,{b64encode(content).decode()}"
