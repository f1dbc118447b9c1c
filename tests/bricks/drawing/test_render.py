import sys
from io import BytesIO

import pytest
import torch
from torch import nn

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickNotTrainable,
    BrickTrainable,
)
from gwbricks.bricks.drawing.render import BACKEND, render_png, render_svg
from gwbricks.errors import ConfigError

mermaidx = pytest.importorskip("mermaidx")
Image = pytest.importorskip("PIL.Image")


HOSTILE = ["end", 'a"b', "`c`", "<script>", "x]-->y", "subgraph", "é#1;", "a;b\nc"]


def model() -> BrickCollection:
    return BrickCollection(
        {
            "v": {"encode": BrickTrainable(nn.Linear(3, 3), ["v"], ["v/code"])},
            "loss": BrickLoss(nn.MSELoss(), ["v/code", "t"], ["loss"]),
        }
    )


def hostile() -> BrickCollection:
    return BrickCollection(
        {name: BrickNotTrainable(torch.tanh, [name], [f"{name}/y"]) for name in HOSTILE}
    )


def test_svg_holds_every_name_as_text() -> None:
    svg = render_svg(model().draw())
    assert svg.startswith("<svg ")
    assert "foreignObject" not in svg
    for word in ("encode", "v/code", "12 trained", "MSELoss", "stage train"):
        assert f">{word}</text>" in svg


def test_names_of_bricks_are_bold_and_other_lines_are_not() -> None:
    lines = render_svg(model().draw(legend=False)).split("<text ")
    bold = {line.split(">")[1][:-6] for line in lines if "font-weight:bold" in line}
    assert {"encode", "loss", "v", "t"} <= bold
    assert not {"MSELoss", "12 trained", "v/code"} & bold


def test_hostile_names_are_shown_as_they_are() -> None:
    svg = render_svg(hostile().draw())
    for shown in ("end", "`c`", "&lt;script&gt;", "x]--&gt;y", "é#1;", "a;b c"):
        assert f">{shown}</text>" in svg, shown


@pytest.mark.slow
def test_mermaid_itself_reads_the_text() -> None:
    svg = mermaidx.render(hostile().draw(), backend="quickjs").svg()
    assert "&lt;script&gt;" in svg
    assert "<script>" not in svg


def test_png_has_the_width_that_is_asked_for() -> None:
    svg = render_svg(model().draw())
    width = float(svg.split('viewBox="')[1].split()[2])
    assert Image.open(BytesIO(render_png(svg, 300))).width == 300
    assert Image.open(BytesIO(render_png(svg))).width == round(2 * width)


def test_missing_library_is_told_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mmdr", None)
    with pytest.raises(ConfigError, match=r"Fix: pip install 'gwbricks\[draw\]'"):
        render_svg("flowchart LR")


def test_graph_that_is_too_large_is_told_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **given: object) -> None:
        assert given == {"backend": BACKEND}
        raise ValueError("resource limit exceeded")

    monkeypatch.setattr(mermaidx, "render", fail)
    with pytest.raises(ConfigError, match=r"limit exceeded\. Fix: draw less, with"):
        render_svg("flowchart LR")
