"""Matrices and drawn images as pictures: in the folder and in the loggers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from PIL import Image
from torch import nn, Tensor
from torch.optim import SGD
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassRecall

from gwbricks.bag_of_bricks import BrickPerImageVisualization
from gwbricks.bricks import BrickCollection, BrickLoss, BrickMetrics, BrickTrainable
from gwbricks.errors import ConfigError
from gwbricks.training import LightningBrickCollection
from gwbricks.training.pictures import pictures as pictures_module
from gwbricks.training.pictures.pictures import join_pictures, keep_pictures

Maker = Callable[..., Any]

BATCH = {"image": torch.rand(6, 1, 4, 4), "label": torch.arange(6) % 3}


class Gallery(WandbLogger):
    """A W&B logger that keeps pictures and sends nothing."""

    _save_dir = _project = _id = _experiment = _project_name = None

    def __init__(self) -> None:
        self.images: list[tuple[str, int | None]] = []

    def log_image(
        self, key: str, images: list[Any], step: int | None = None, **_: Any
    ) -> None:
        """Keeps the name and the step."""
        assert all(isinstance(image, Image.Image) for image in images)
        self.images.append((key, step))

    def log_metrics(self, *args: Any, **kwargs: Any) -> None:
        """Keeps nothing."""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Keeps nothing."""

    def after_save_checkpoint(self, checkpoint_callback: object) -> None:
        """Keeps nothing."""

    def finalize(self, status: str) -> None:
        """Keeps nothing."""

    def save(self) -> None:
        """Keeps nothing."""


class Board(TensorBoardLogger):
    """A TensorBoard logger that keeps pictures and writes nothing."""

    def __init__(self) -> None:
        self.images: list[tuple[Any, ...]] = []

    @property
    def experiment(self) -> SimpleNamespace:
        """What TensorBoard's writer would be."""
        return SimpleNamespace(add_image=self.add_image)

    def add_image(
        self, tag: str, picture: np.ndarray, step: int, dataformats: str
    ) -> None:
        """Keeps a picture."""
        self.images.append((tag, picture.dtype, picture.shape[2], step, dataformats))


@pytest.fixture
def model() -> Maker:
    """Makes a classifier with a confusion matrix and drawn images."""

    def make(**settings: Any) -> LightningBrickCollection:
        flat = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
        metrics = {
            "confusion": MulticlassConfusionMatrix(3),
            "recall": MulticlassRecall(3, average="none"),
            "mean": MulticlassRecall(3),
        }
        bricks = {
            "head": BrickTrainable(flat, ["image"], ["logits"]),
            "loss": BrickLoss(nn.CrossEntropyLoss(), ["logits", "label"], ["error"]),
            "metrics": BrickMetrics(metrics, ["logits", "label"]),
            "draw": BrickPerImageVisualization(
                ["image", "logits", "label"], ["images/all"], max_images=4
            ),
        }
        return LightningBrickCollection(
            BrickCollection(bricks), partial(SGD, lr=0.1), **settings
        )

    return make


@pytest.fixture
def fit(make_trainer: Maker, model: Maker, repeat: Maker) -> Maker:
    """Trains two epochs of two steps and tests, with what pictures go to."""

    def fit(logger: Logger | bool = False, **settings: Any) -> LightningBrickCollection:
        module, loader = model(**settings), repeat(BATCH, 2)
        trainer = make_trainer(logger=logger, max_epochs=2, num_sanity_val_steps=1)
        trainer.fit(module, loader, loader)
        trainer.test(module, loader, verbose=False)
        return module

    return fit


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*.png")}


@pytest.mark.parametrize(
    ("name", "home"), [("mine", "mine/pictures"), (None, "pictures")]
)
def test_folder_holds_a_file_for_each_picture(
    name: str | None, home: str, fit: Maker, tmp_path: Path
) -> None:
    fit(path_experiments=tmp_path, experiment_name=name)
    assert files(tmp_path / home) == {
        *("train/confusion.png", "train/recall.png"),
        *("val/confusion.png", "val/recall.png", "val/images/all.png"),
        *("test/confusion.png", "test/recall.png", "test/images/all.png"),
    }
    assert files(tmp_path) == {f"{home}/{file}" for file in files(tmp_path / home)}
    with Image.open(tmp_path / home / "test" / "images" / "all.png") as sheet:
        assert sheet.size == (200, 260)  # four images of 96 x 126, and gaps


def test_loggers_get_a_picture_each_epoch(fit: Maker) -> None:
    logger = Gallery()
    fit(logger=logger)
    epoch = [("val/confusion", 2), ("val/images/all", 2), ("train/confusion", 2)]
    assert set(epoch) < set(logger.images)
    assert [step for name, step in logger.images if name == "val/images/all"] == [2, 4]
    assert [step for name, step in logger.images if name == "test/confusion"] == [4]


def test_tensorboard_gets_one_picture_a_list(tmp_path: Path) -> None:
    board, picture = Board(), Image.new("RGB", (5, 5))
    loggers = [board, CSVLogger(tmp_path)]
    keep_pictures({"val/x": [picture, picture]}, None, loggers, 7)
    assert board.images == [("val/x", np.uint8, 3, 7, "HWC")]
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_a_matrix_are_kept_and_pictures_are_no_numbers(fit: Maker) -> None:
    summaries = fit().summaries
    rows = torch.tensor(summaries["test/confusion"])
    assert rows.sum(1).tolist() == [4, 4, 4]  # six rows, twice
    assert {name.partition("/")[2] for name in summaries} == {"confusion", "recall"}


def test_rows_of_a_confusion_matrix_are_the_truth(
    fit: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = set()

    def draw(values: Tensor, rows: str, columns: str) -> Image.Image:
        axes.add((values.ndim, rows, columns))
        return Image.new("RGB", (1, 1))

    monkeypatch.setattr(pictures_module, "heat_map", draw)
    fit()
    assert axes == {(2, "true", "predicted"), (1, "row", "column")}


def test_pictures_change_no_number(fit: Maker, model: Maker) -> None:
    found = []
    for keeps in (True, False):
        torch.manual_seed(0)
        module = fit(logger=Gallery() if keeps else False)
        found.append(module.summaries)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param("test/a b/c@1", "test/a-b/c-1.png", id="signs"),
        pytest.param("../../x", "x.png", id="out-of-the-folder"),
        pytest.param("/etc/x", "etc/x.png", id="absolute"),
    ],
)
def test_file_stays_in_its_folder(name: str, file: str, tmp_path: Path) -> None:
    keep_pictures({name: [Image.new("RGB", (1, 1))]}, tmp_path, [], 0)
    assert files(tmp_path) == {f"pictures/{file}"}


def test_pictures_of_any_sizes_are_joined() -> None:
    sizes = [(10, 4), (6, 8), (2, 2)]
    sheet = join_pictures([Image.new("RGB", size, "red") for size in sizes])
    assert sheet.size == (28, 24)
    assert join_pictures([Image.new("L", (3, 3))]).mode == "RGB"


def test_a_name_without_a_path_is_an_error(model: Maker) -> None:
    with pytest.raises(ConfigError, match="experiment_name: 'mine' is to be a folder"):
        model(experiment_name="mine")
