"""Runs to compare, without folders."""

from collections.abc import Callable
from typing import Any

import pytest

from gwbricks.compare.run import flat_config, Run


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Makes a run of a nested config."""
    places: list[str] = []

    def make(config: dict[str, Any] | None = None, **given: Any) -> Run:
        places.append(f"/runs/{len(places)}")
        name = places[-1].rpartition("/")[2]
        run: dict[str, Any] = {"place": places[-1], "name": name, "status": "finished"}
        flat = None if config is None else flat_config(config)
        return Run(**{**run, "config": flat, **given})

    return make
