"""Pictures of a run: into loggers and into its folder."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from lightning.pytorch.loggers import (
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)
from PIL import Image
from torch import nn, Tensor
from torchmetrics.classification import (
    BinaryConfusionMatrix,
    MulticlassConfusionMatrix,
)

from gwbricks.bricks import BrickCollection, BrickMetrics
from gwbricks.errors import ConfigError
from gwbricks.training.pictures.heat_map import heat_map
from gwbricks.whole_file import whole_file

CONFUSION = (BinaryConfusionMatrix, MulticlassConfusionMatrix)
GAP = 8
"""Between the pictures of a sheet, in pixels."""


def experiment_folder(path: Path | str | None, name: str | None) -> Path | None:
    """Returns the folder of an experiment; None if there is none.

    Args:
        path: Folder of experiments.
        name: Name of a folder in it; None takes `path` itself.

    Raises:
        ConfigError: If there is a name without a path.
    """
    if path is None and name is not None:
        raise ConfigError(
            f"experiment_name: {name!r} is to be a folder in path_experiments, which is"
            " not given. Fix: path_experiments=FOLDER."
        )
    return None if path is None else Path(path) / (name or "")


def are_pictures(value: object) -> TypeGuard[list[Image.Image]]:
    """Whether a summary is a list of pictures, not of numbers."""
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(item, Image.Image) for item in value)
    )


def find_pictures(
    summary: Mapping[str, Any], collection: BrickCollection
) -> dict[str, list[Image.Image]]:
    """Returns the pictures of a summary, and heat maps of its vectors and matrices.

    Args:
        summary: What `BrickCollection.summarize` returned, each name after its stage.
        collection: The collection, which knows what the axes of a matrix are.
    """
    confusions = _confusions(collection)
    pictures: dict[str, list[Image.Image]] = {}
    for name, value in summary.items():
        if are_pictures(value):
            pictures[name] = value
        elif isinstance(value, Tensor) and value.ndim in (1, 2) and value.numel():
            is_confusion = name.partition("/")[2] in confusions
            axes = ("true", "predicted") if is_confusion else ("row", "column")
            pictures[name] = [heat_map(value, *axes)]
    return pictures


def _confusions(collection: BrickCollection) -> set[str]:
    found = set()
    for brick in collection.flat().values():
        if isinstance(brick, BrickMetrics):
            for metrics in brick.metrics.values():
                assert isinstance(metrics, nn.ModuleDict)
                found |= {n for n, m in metrics.items() if isinstance(m, CONFUSION)}
    return found


def keep_pictures(
    pictures: Mapping[str, Sequence[Image.Image]],
    folder: Path | None,
    loggers: Iterable[Logger],
    step: int,
) -> None:
    """Joins each list of pictures into one, for a PNG file and for loggers.

    Args:
        pictures: Pictures by name, such as `test/confusion`.
        folder: Where `pictures/test/confusion.png` goes; None writes none.
        loggers: Those of the run.
        step: Number of training steps so far.
    """
    for name, images in pictures.items():
        joined = join_pictures(images)
        if folder is not None:
            path = folder / "pictures" / _file_name(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as made:
                joined.save(made)
        log_picture(name, joined, loggers, step)


def log_picture(
    name: str, picture: Image.Image, loggers: Iterable[Logger], step: int
) -> None:
    """Logs a picture to W&B, TensorBoard and MLflow; other loggers take none.

    Args:
        name: Its name, such as `test/confusion`.
        picture: The picture.
        loggers: Those of the run.
        step: Number of training steps so far.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, [picture], step)
        elif isinstance(logger, TensorBoardLogger):
            pixels = np.asarray(picture.convert("RGB"))
            logger.experiment.add_image(name, pixels, step, dataformats="HWC")
        elif isinstance(logger, MLFlowLogger):
            logger.experiment.log_image(logger.run_id, picture, _file_name(name))


def _file_name(name: str) -> str:
    """Returns a path that stays in its folder.

    Example:
        >>> _file_name("test/../accuracy@1")
        'test/accuracy-1.png'
    """
    parts = [re.sub(r"[^\w.=,+-]", "-", part).strip(".") for part in name.split("/")]
    return "/".join(part for part in parts if part) + ".png"


def join_pictures(pictures: Sequence[Image.Image]) -> Image.Image:
    """Returns the pictures on one sheet, row by row; a lone one as it is."""
    if len(pictures) == 1:
        return pictures[0].convert("RGB")
    columns = math.ceil(math.sqrt(len(pictures)))
    width = max(picture.width for picture in pictures) + GAP
    height = max(picture.height for picture in pictures) + GAP
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width - GAP, rows * height - GAP), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    return sheet
