"""Composes configs, and explains what cannot be composed."""

from collections.abc import Sequence

from hydra import compose as hydra_compose
from omegaconf import DictConfig

from gwbricks.config.composition_errors import explain
from gwbricks.config.groups import without_null_groups
from gwbricks.config.hydra_session import hydra_session, UNCOMPOSABLE
from gwbricks.config.search_path import register


def compose(overrides: Sequence[str] = (), config_name: str = "train") -> DictConfig:
    """Composes a config as the command line does.

    Args:
        overrides: What the command line would say, such as `experiment=digits`.
        config_name: The entry point.

    Raises:
        ConfigError: If an override, an option or a key does not exist.
    """
    register()
    try:
        with hydra_session():
            return hydra_compose(config_name, without_null_groups(overrides))
    except UNCOMPOSABLE as error:
        raise explain(error, overrides) from error


def experiment_name(overrides: Sequence[str]) -> str:
    """Returns the experiment that the overrides choose, or the entry point's own."""
    for override in overrides:
        name, _, value = override.lstrip("+").partition("=")
        if name == "experiment":
            return value.strip("'\"") or "none"
    return "main_example"
