"""Where a run of the command line goes."""

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from gwbricks.cli.hydra_app import job_overrides
from gwbricks.runs.folder import Place, safe_name, timestamp

WIDTH = 3
"""Digits of a job's number."""


def place_of(cfg: DictConfig) -> Place:
    """Returns the folder: by experiment and time, or by sweep and job."""
    hydra = HydraConfig.get()
    overrides = job_overrides()
    experiment = safe_name(str(hydra.runtime.choices.get("experiment") or "none"))
    if hydra.mode is not RunMode.MULTIRUN:
        return Place(experiment, timestamp(), overrides)
    sweep = safe_name(str(cfg.sweep.name))
    changed = [o for o in overrides if not o.startswith(("experiment=", "sweep.name="))]
    name = safe_name("_".join([str(hydra.job.num).zfill(WIDTH), *changed]))
    return Place(f"sweeps/{sweep}", name, overrides)
