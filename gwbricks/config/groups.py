"""Config groups and their options, the user's own first."""

from collections.abc import Sequence
from pathlib import Path

from gwbricks.config.search_path import own_configs, packaged_configs


def without_null_groups(overrides: Sequence[str]) -> list[str]:
    """Writes `GROUP=null`, which Hydra does not take, as `~GROUP`.

    Example:
        >>> without_null_groups(["experiment=null", "seed=1"])
        ['~experiment', 'seed=1']
    """
    return [
        f"~{o.removesuffix('=null')}"
        if o.endswith("=null") and o.removesuffix("=null").partition("@")[0] in groups()
        else o
        for o in overrides
    ]


def config_folders() -> list[Path]:
    """Returns the folders that configs are found in, the user's own first."""
    own = own_configs()
    return [*([own] if own else []), packaged_configs()]


def groups() -> list[str]:
    """Returns the names of all config groups, sorted."""
    found = {
        path.parent.relative_to(folder).as_posix()
        for folder in config_folders()
        for path in folder.rglob("*.yaml")
        if path.parent != folder
    }
    return sorted(found)


def options_of(group: str) -> list[str]:
    """Returns the options of a config group, sorted."""
    found = {
        p.stem for folder in config_folders() for p in (folder / group).glob("*.yaml")
    }
    return sorted(found)
