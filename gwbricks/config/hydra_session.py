"""Hydra, started for as long as a config is composed."""

from collections.abc import Iterator
from contextlib import contextmanager

import yaml
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from gwbricks.config.search_path import packaged_configs

UNCOMPOSABLE = (HydraException, OmegaConfBaseException, yaml.YAMLError)
"""What Hydra raises when a config cannot be composed."""


@contextmanager
def hydra_session() -> Iterator[None]:
    """Starts Hydra; a job of a sweep runs inside another, which is set aside."""
    # Hydra is one object a process, and refuses to start while another is running.
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(packaged_configs()), version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = running
