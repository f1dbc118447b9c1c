"""Runs to compare, without folders."""

from collections.abc import Callable
from typing import Any

import pytest

from gwbricks.compare.run import ComparedRun, flat_config


@pytest.fixture
def make_run() -> Callable[..., ComparedRun]:
    """Makes a run of a nested config."""
    places: list[str] = []

    def make(config: dict[str, Any] | None = None, **given: Any) -> ComparedRun:
        places.append(f"/runs/{len(places)}")
        name = places[-1].rpartition("/")[2]
        run: dict[str, Any] = {"place": places[-1], "name": name, "status": "finished"}
        flat = None if config is None else flat_config(config)
        return ComparedRun(**{**run, "config": flat, **given})

    return make
