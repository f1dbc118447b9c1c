from collections.abc import Callable
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from gwbricks.compare import figure
from gwbricks.compare.comparison import compare
from gwbricks.compare.figure import check_matplotlib, write_figure
from gwbricks.compare.run import ComparedRun
from gwbricks.errors import ConfigError

Make = Callable[..., ComparedRun]


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="extra plot")
def test_draws_each_metric_against_each_key(make_run: Make, tmp_path: Path) -> None:
    runs = [
        make_run({"lr": lr, "kind": kind}, numbers={"test/loss": lr, "val/loss": 1})
        for lr, kind in product((0.001, 0.01, 0.1), (None, "a"))
    ]
    path = tmp_path / "figure.png"
    write_figure(compare("", runs), path)
    with Image.open(path) as picture:
        width, height = picture.size
    assert width / height == pytest.approx(2 * figure.WIDTH / figure.HEIGHT, rel=0.02)


def test_nothing_to_draw_is_told(make_run: Make, tmp_path: Path) -> None:
    runs = [make_run({"lr": 1}, numbers={"test/loss": 1})]
    with pytest.raises(
        ConfigError, match="no key differs, so there is nothing to draw"
    ):
        write_figure(compare("", runs), tmp_path / "a.png")
    runs = [make_run({"lr": lr}) for lr in (1, 2)]
    with pytest.raises(ConfigError, match="no run has a number, so there is nothing"):
        write_figure(compare("", runs), tmp_path / "a.png")


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure, "find_spec", lambda _: None)
    with pytest.raises(
        ConfigError, match=r"needs matplotlib. Fix: pip install 'gwbricks\[p"
    ):
        check_matplotlib(Path("a.png"))
