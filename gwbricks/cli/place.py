"""Where a run of the command line goes."""

from hydra.core.hydra_config import HydraConfig

from gwbricks.cli.hydra_app import job_overrides
from gwbricks.runs.folder.place import Place, safe_name, timestamp


def place_of_run() -> Place:
    """Returns the folder of a run that is no job of a sweep: by experiment and time."""
    choices = HydraConfig.get().runtime.choices
    experiment = safe_name(str(choices.get("experiment") or "none"))
    return Place(experiment, timestamp(), job_overrides())
