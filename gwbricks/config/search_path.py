"""Where configs are found: a user's own `./configs` first, then those of gwbricks."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin


def packaged_configs() -> Path:
    """Returns the configs that come with gwbricks, installed or in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def own_configs() -> Path | None:
    """Returns the user's own configs, if the working directory has any."""
    folder = Path.cwd() / "configs"
    is_own = folder.is_dir() and folder.resolve() != packaged_configs()
    return folder if is_own else None


class OwnConfigsFirst(SearchPathPlugin):
    """Puts the user's own configs before those of gwbricks."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra when it starts."""
        folder = own_configs()
        if folder is not None:
            search_path.prepend(provider="own", path=f"file://{folder}")


def register() -> None:
    """Makes Hydra use the search path."""
    # By hand, since Hydra itself looks in the package `hydra_plugins` alone. A plugin
    # that it has already is not added again.
    Plugins.instance().register(OwnConfigsFirst)
