"""Tells Hydra of the launchers and the sweeper of gwbricks."""

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

TARGET = "hydra_plugins._gwbricks.Recorded"

CHANGED = {
    "submitit_local": {
        "timeout_min": 1_000_000,  # jobs wait in it for each other
        "submitit_folder": "${hydra.sweep.dir}/jobs/submitit/%j",
    }
}
"""Defaults of launchers that gwbricks replaces."""


def register_launchers() -> None:
    """Has Hydra wrap every launcher that may be chosen in a `RecordedLauncher`."""
    from hydra_plugins._gwbricks import Ray, Recorded, Slurm, Stacked

    for plugin in (Recorded, Slurm, Ray, Stacked):
        Plugins.instance().register(plugin)
    store = ConfigStore.instance()
    for file in store.list("hydra/launcher"):
        node = OmegaConf.to_container(store.load(f"hydra/launcher/{file}").node)
        assert isinstance(node, dict)
        if node["_target_"] != TARGET:
            name = file.removesuffix(".yaml")
            engine = {"_target_": TARGET, "engine": node["_target_"]}
            recorded = {**node, **engine, **CHANGED.get(name, {})}
            store.store(name=name, group="hydra/launcher", node=recorded)


def register_sweeper() -> None:
    """Tells Hydra of the sweeper."""
    from hydra_plugins._gwbricks import Optuna

    Plugins.instance().register(Optuna)
