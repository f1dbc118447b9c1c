"""Checkpoints of Shimmer, and what it recorded of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gwbricks.import_shimmer import import_shimmer

FIXTURES = Path(__file__).parents[1] / "fixtures" / "shimmer"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of checkpoints that Shimmer wrote."""
    return FIXTURES


@pytest.fixture(scope="session")
def recorded() -> dict[str, Any]:
    """Losses that Shimmer computed, by the name of the checkpoint."""
    text = (FIXTURES / "losses.json").read_text(encoding="utf-8")
    return {entry["checkpoint"]: entry for entry in json.loads(text).values()}


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Imports a checkpoint once, and returns the run folder."""
    outputs = tmp_path_factory.mktemp("outputs")
    folders: dict[str, Path] = {}

    def imported(name: str) -> Path:
        if name not in folders:
            overrides = [f"paths.outputs={outputs}", "logger=csv"]
            folders[name] = import_shimmer(FIXTURES / name, overrides)
        return folders[name]

    return imported
