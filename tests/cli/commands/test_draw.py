import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gwbricks.experiment import graph_picture

Cli = Callable[..., Any]


def test_mermaid_text_is_printed_and_nothing_is_written(
    cli: Cli, tmp_path: Path
) -> None:
    status, out, err = cli("draw", "--outputs", "domain1/latent, domain2/latent")
    assert (status, err) == (0, "")
    assert out.startswith("---\nconfig:\n")
    assert "brick_gw_domain1_latent --> " in out
    assert "class data_domain1,data_domain2 data\n" in out
    assert list(tmp_path.iterdir()) == []


def test_training_dims_what_no_loss_needs(cli: Cli) -> None:
    out = cli("draw", "loss_coefs.cycles=null").out
    dead = re.findall(r"class (\S+) dead\n", out)[-1]  # the first is the legend's
    assert "brick_gw_cycles" in dead.split(",")
    assert "brick_gw_routes" not in dead.split(",")


def test_shapes_are_those_of_a_batch(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "graph.mmd").write_text("old")
    cli("draw", "experiment=image_classification", "-o", "graph.mmd")
    text = (tmp_path / "graph.mmd").read_text(encoding="utf-8")
    assert "<i>128x1x16x15</i>" in text


@pytest.mark.parametrize("stage", ["val", "test", "inference", "export"])
def test_every_stage_can_be_drawn(cli: Cli, stage: str) -> None:
    out = cli("draw", "experiment=image_classification", "--stage", stage).out
    assert f"stage {stage}" in out
    is_scored = "class brick_digit_loss,brick_loop_loss loss" in out
    assert is_scored == (stage in ("val", "test"))


def test_overview_leaves_out_what_hands_values_on(cli: Cli) -> None:
    out = cli("draw", "--detail", "overview").out
    assert "brick_gw_domain1_decode@" in out
    assert "brick_gw_domain1_states@" not in out


def test_overview_fits_a_terminal(cli: Cli) -> None:
    pytest.importorskip("mermaidx")
    status, out, err = cli("draw", "experiment=digits_classifier", "--terminal")
    assert (status, err) == (0, "")
    for name in ("pix", "image", "backbone", "head", "metrics", "loss"):
        assert re.search(rf"│ +{name} +[│├]", out), name
    assert max(map(len, out.splitlines())) < 80


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "start"),
    [
        pytest.param("graph.mmd", b"---\nconfig:", id="mmd"),
        pytest.param("graph.svg", b"<svg ", id="svg"),
        pytest.param("graph.png", b"\x89PNG", id="png"),
    ],
)
def test_file_is_written_as_its_name_says(
    cli: Cli, tmp_path: Path, name: str, start: bytes
) -> None:
    pytest.importorskip("mermaidx")
    args = ("experiment=image_classification", "-o", name)
    assert cli("draw", *args) == (0, "", "")
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(["-o", "x.jpg"], "-o: 'x.jpg'. Expected a file that", id="suffix"),
        pytest.param(["-o", "x"], "ends in .mmd, .png, .svg.", id="no-suffix"),
        pytest.param(
            ["-o", "no/x.mmd"],
            "-o: there is no folder 'no'. Fix: mkdir -p no.",
            id="folder",
        ),
        pytest.param(["-o"], "argument -o: expected one argument. Fix:", id="no-file"),
        pytest.param(
            ["--stage", "tset"],
            "--stage: unknown name 'tset'. Did you mean 'test'?",
            id="stage",
        ),
        pytest.param(["--detail", "less"], "invalid choice: 'less'", id="detail"),
        pytest.param(
            ["--outputs", "domain1/latnt"],
            "outputs: unknown name 'domain1/latnt'. Did you mean 'domain1/latent'?",
            id="outputs",
        ),
        pytest.param(["data.matchd=3"], "data.matchd: ", id="config"),
    ],
)
def test_mistake_is_told_in_a_few_lines(
    cli: Cli, tmp_path: Path, args: list[str], message: str
) -> None:
    status, out, err = cli("draw", *args)
    assert (status, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) < 4
    assert list(tmp_path.iterdir()) == []


def test_folder_in_place_of_the_file_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.mmd").mkdir()
    status, _, err = cli("draw", "experiment=image_classification", "-o", "x.mmd")
    assert status == 2
    assert "-o: " in err


def test_missing_library_is_told_before_anything_is_built(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mermaidx", None)
    monkeypatch.setattr(graph_picture, "draw_experiment", None)
    status, _, err = cli("draw", "-o", "x.svg")
    assert status == 2
    assert "Fix: pip install 'gwbricks[draw]', or take the mermaid text" in err
