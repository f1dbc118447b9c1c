"""Plugins of gwbricks under names that Hydra accepts: it takes none from elsewhere."""

from gwbricks.runs.search.sweeper import OptunaSweeper
from gwbricks.runs.sweep.launcher import RecordedLauncher
from gwbricks.runs.sweep.on_ray import RayLauncher
from gwbricks.runs.sweep.slurm import SlurmLauncher


class Recorded(RecordedLauncher):
    """See `RecordedLauncher`."""


class Slurm(SlurmLauncher):
    """See `SlurmLauncher`."""


class Ray(RayLauncher):
    """See `RayLauncher`."""


class Optuna(OptunaSweeper):
    """See `OptunaSweeper`."""
