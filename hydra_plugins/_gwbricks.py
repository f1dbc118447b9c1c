"""Plugins of gwbricks under names that Hydra accepts: it takes none from elsewhere."""

from gwbricks.runs.search.sweeper import OptunaSweeper
from gwbricks.runs.sweep.launcher import RecordedLauncher
from gwbricks.runs.sweep.on_ray import RayLauncher
from gwbricks.runs.sweep.slurm import SlurmLauncher
from gwbricks.runs.sweep.stack import StackedLauncher


class Recorded(RecordedLauncher):
    """See `RecordedLauncher`."""


class Slurm(SlurmLauncher):
    """See `SlurmLauncher`."""


class Ray(RayLauncher):
    """See `RayLauncher`."""


class Stacked(StackedLauncher):
    """See `StackedLauncher`."""


class Optuna(OptunaSweeper):
    """See `OptunaSweeper`."""
