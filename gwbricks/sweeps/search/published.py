"""A search as a run in W&B: its picture and its trials, in the group of the trials."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from optuna import Study
from PIL import Image

from gwbricks.runs.loggers.wandb_account import account_problem
from gwbricks.runs.loggers.wandb_files import run_id, staged_in, wandb_files
from gwbricks.sweeps.search.study_picture import draw_study

JOB_TYPE = "study"
KEPT = ("entity", "project", "mode", "group", "tags", "notes")
"""Keys of the trials' logger that the study's run takes over."""


def publish_study(
    study: Study,
    metrics: Sequence[str],
    folder: Path,
    loggers: Mapping[str, Any],
) -> str | None:
    """Logs a study to W&B, if its trials log there; a later call adds to that run.

    Args:
        study: The study.
        metrics: Names of what it optimises.
        folder: The sweep's folder.
        loggers: The section `logger` of the config.

    Returns:
        Why it could not be sent; None if it was, or had not to be.
    """
    nodes = [n for n in loggers.values() if n and n["_target_"].endswith("WandbLogger")]
    if not nodes:
        return None
    if nodes[0].get("mode") == "online" and (problem := account_problem()):
        return f"study: not in W&B, for {problem}"
    import wandb

    earlier = wandb_files(folder)
    run = wandb.init(
        **{key: nodes[0].get(key) for key in KEPT},
        job_type=JOB_TYPE,
        name=folder.name,
        id=run_id(earlier[-1]) if earlier else None,
        resume="allow",
        reinit="create_new",
        dir=folder.resolve(),
        settings=wandb.Settings(silent=True, x_disable_meta=True, console="off"),
    )
    picture = BytesIO(draw_study(study, metrics, "png"))
    columns, rows = trial_table(study, metrics)
    with staged_in(folder):
        image = wandb.Image(Image.open(picture))
        trials = wandb.Table([*columns], rows, allow_mixed_types=True)
        # W&B drops what is logged at a step that it is past
        run.log({"study": image, "trials": trials}, step=len(rows))
    run.finish(exit_code=0)
    return None


def trial_table(
    study: Study, metrics: Sequence[str]
) -> tuple[list[str], list[list[Any]]]:
    """Returns the trials of a study: names of columns, and rows.

    Args:
        study: The study.
        metrics: Names of what it optimises.
    """
    trials = study.get_trials(deepcopy=False)
    keys = sorted({key for trial in trials for key in trial.params})
    rows = [
        [
            trial.number,
            trial.user_attrs.get("run"),
            trial.state.name.lower(),
            *map(trial.params.get, keys),
            *(trial.values or [None] * len(metrics)),
        ]
        for trial in trials
    ]
    return ["trial", "run", "state", *keys, *metrics], rows
