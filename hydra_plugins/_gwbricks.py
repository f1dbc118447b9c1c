"""Plugins of gwbricks under names that Hydra accepts: it takes none from elsewhere."""

from gwbricks.sweeps.launchers.ray import RayLauncher
from gwbricks.sweeps.launchers.slurm import SlurmLauncher
from gwbricks.sweeps.launchers.stacked import StackedLauncher
from gwbricks.sweeps.optuna_sweeper import OptunaSweeper
from gwbricks.sweeps.recorded_launcher import RecordedLauncher


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
