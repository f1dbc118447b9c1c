"""Plugins of gwbricks under names that Hydra accepts: it takes none from elsewhere."""

from gwbricks.runs.sweep.launcher import RecordedLauncher


class Recorded(RecordedLauncher):
    """See `RecordedLauncher`."""
