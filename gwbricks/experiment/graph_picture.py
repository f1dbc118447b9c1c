"""The graph of an experiment as a picture."""

import warnings
from collections.abc import Callable, Collection, Iterable
from io import BytesIO
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger
from PIL import Image

from gwbricks.bricks import Stage
from gwbricks.bricks.drawing.render import render_png, render_svg
from gwbricks.bricks.stage import EVALUATED
from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.experiment.build import Experiment
from gwbricks.experiment.dry_run import dry_run
from gwbricks.training.pictures.pictures import log_picture
from gwbricks.whole_file import write_whole

SUFFIXES = (".mmd", ".png", ".svg")
LOGGED_WIDTH = 1600
"""In pixels; what a page of W&B can show, and quick to make."""


def draw_experiment(
    experiment: Experiment,
    stage: Stage,
    detail: str = "full",
    outputs: Collection[str] | None = None,
) -> str:
    """Returns the graph of an experiment as mermaid text, with the shapes of a batch.

    Args:
        experiment: What to draw.
        stage: The stage.
        detail: `full`, `overview` or `names`.
        outputs: Names that are wanted; None means those that the stage computes.

    Raises:
        UnknownNameError: If an output does not exist.
    """
    collection, shapes = experiment.module.brick_collection, {}
    if stage in EVALUATED:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = dry_run(experiment.module, experiment.data, stage)
        shapes = {name: found.shape(name) for name in found.values}
        losses = collection.loss_names(stage)
        wanted = [name for name in losses if name in experiment.module.loss_coefs]
        outputs = wanted if outputs is None else outputs
    return collection.draw(stage, outputs=outputs, detail=detail, shapes=shapes)


def stage_of(name: str) -> Stage:
    """Returns the stage of that name.

    Raises:
        UnknownNameError: If there is none.
    """
    stages = {stage.value: stage for stage in Stage}
    if name not in stages:
        raise UnknownNameError("--stage", name, stages)
    return stages[name]


def check_path(path: Path) -> None:
    """Checks that a picture can be written to `path`.

    Raises:
        ConfigError: If the suffix is unknown, or there is no such folder.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"-o: {str(path)!r}. Expected a file that ends in {', '.join(SUFFIXES)}."
        )
    if not path.parent.is_dir():
        raise ConfigError(
            f"-o: there is no folder {str(path.parent)!r}. Fix: mkdir -p {path.parent}."
        )
    if path.suffix != ".mmd":
        render_svg("flowchart LR\n  a")  # raises early


def save_drawing(text: str, path: Path) -> None:
    """Writes mermaid text as what the suffix of `path` says.

    Raises:
        ConfigError: If it cannot be written.
    """
    if path.suffix == ".png":
        content = render_png(render_svg(text))
    else:
        content = (render_svg(text) if path.suffix == ".svg" else text).encode()
    try:
        write_whole(path, content)
    except OSError as error:
        raise ConfigError(f"-o: {error}.") from error


def keep_drawing(
    experiment: Experiment,
    folder: Path,
    loggers: Iterable[Logger],
    tell: Callable[[str], None],
) -> None:
    """Puts an overview of the training into a run folder, and into its loggers.

    Without the extra `draw` it is mermaid text, and loggers get none. Whatever goes
    wrong, the run goes on.

    Args:
        experiment: What to draw.
        folder: The run folder.
        loggers: Those of the run.
        tell: Is told what went wrong.
    """
    try:
        _keep(draw_experiment(experiment, Stage.TRAIN, "overview"), folder, loggers)
    except Exception as error:
        tell(f"graph: not drawn. {type(error).__name__}: {error}")


def _keep(text: str, folder: Path, loggers: Iterable[Logger]) -> None:
    try:
        svg = render_svg(text)
    except ConfigError:
        save_drawing(text, folder / "graph.mmd")
        return
    write_whole(folder / "graph.svg", svg)
    takers = [logger for logger in loggers if not isinstance(logger, CSVLogger)]
    if takers:
        picture = Image.open(BytesIO(render_png(svg, LOGGED_WIDTH)))
        log_picture("graph", picture, takers, step=0)
