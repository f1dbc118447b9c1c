"""Plugins of gwbricks under names that Hydra accepts: it takes none from elsewhere."""

from gwbricks.runs.search.sweeper import OptunaSweeper
from gwbricks.runs.sweep.launcher import RecordedLauncher


class Recorded(RecordedLauncher):
    """See `RecordedLauncher`."""


class Optuna(OptunaSweeper):
    """See `OptunaSweeper`."""
