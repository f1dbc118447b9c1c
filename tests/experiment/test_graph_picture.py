import re
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import CSVLogger, WandbLogger
from omegaconf import DictConfig

from gwbricks.bricks import Stage
from gwbricks.experiment import graph_picture
from gwbricks.experiment.build import Experiment
from gwbricks.experiment.graph_picture import draw_experiment, keep_drawing
from gwbricks.runs.check import check
from gwbricks.runs.train import train

Config = Callable[..., DictConfig]
Image = pytest.importorskip("PIL.Image")
pytest.importorskip("mermaidx")


class Gallery(WandbLogger):
    """Keeps pictures instead of sending them."""

    def __init__(self) -> None:
        self.images: dict[str, list[Any]] = {}

    def log_image(
        self, key: str, images: list[Any], step: int | None = None, **_: object
    ) -> None:
        self.images[key] = images


@pytest.fixture
def experiment(config: Config) -> Experiment:
    return check(config("experiment=image_classification"))


def test_run_folder_holds_the_graph(run: Callable[..., Any]) -> None:
    svg = (run().folder / "graph.svg").read_text()
    assert svg.startswith("<svg ")
    assert ">domain1/latent</text>" in svg


def test_without_the_extra_it_holds_mermaid_text(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mermaidx", None)
    keep_drawing(experiment, tmp_path, [Gallery()], pytest.fail)
    assert [path.name for path in tmp_path.iterdir()] == ["graph.mmd"]
    assert "flowchart LR" in (tmp_path / "graph.mmd").read_text(encoding="utf-8")


def test_wandb_gets_a_picture(experiment: Experiment, tmp_path: Path) -> None:
    logger = Gallery()
    keep_drawing(experiment, tmp_path, [CSVLogger(tmp_path), logger], pytest.fail)
    (picture,) = logger.images["graph"]
    assert picture.width == graph_picture.LOGGED_WIDTH


def test_failure_to_draw_does_not_stop_the_run(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(graph_picture, "render_svg", lambda _: 1 / 0)
    keep_drawing(experiment, tmp_path, [], told.append)
    assert told == ["graph: not drawn. ZeroDivisionError: division by zero"]


@pytest.mark.slow
def test_png_is_a_picture(experiment: Experiment, tmp_path: Path) -> None:
    graph_picture.save_drawing(
        draw_experiment(experiment, Stage.TEST), tmp_path / "x.png"
    )
    assert Image.open(BytesIO((tmp_path / "x.png").read_bytes())).format == "PNG"


def test_picture_in_the_readme_is_that_of_the_main_example(config: Config) -> None:
    shown = Path(__file__).parents[2] / "docs" / "graph.svg"
    text = draw_experiment(check(config()), Stage.TRAIN, "overview")
    words = [
        re.findall(r">([^<>]+)</text>", svg)
        for svg in (shown.read_text(encoding="utf-8"), graph_picture.render_svg(text))
    ]
    assert words[0] == words[1]
    assert "LinearDomain.encode" in words[0]


@pytest.mark.slow
def test_drawing_changes_no_number(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gwbricks.runs import train as module

    place = module.Place("example", "run")
    drawn = train(config(), place)
    monkeypatch.setattr(module, "keep_drawing", lambda *_: None)
    assert train(config(), place) == drawn
