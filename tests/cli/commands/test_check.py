from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gwbricks.cli import hydra_app

Cli = Callable[..., Any]


def test_graph_is_shown_with_shapes_and_nothing_is_written(
    cli: Cli, tmp_path: Path
) -> None:
    status, out, err = cli("check")
    assert (status, err) == (0, "")
    assert "gw.domain1.encode" in out
    assert "domain1/latent (64x32)" in out
    assert "The config is in order." in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_frozen_parameters_are_not_counted_as_trained(cli: Cli) -> None:
    frozen, trained = (
        cli("check", *args).out.splitlines()[-1]
        for args in ([], ["domains.domain1.trainable=true"])
    )
    linear = 8 * 32 + 32 + 32 * 8 + 8
    counts = [int(line.split(" ")[-7].replace(",", "")) for line in (frozen, trained)]
    assert counts[1] - counts[0] == linear


def test_graph_without_a_workspace_is_shown(cli: Cli) -> None:
    status, out, _ = cli("check", "experiment=digits_classifier")
    assert status == 0
    assert "backbone" in out
    assert "logits (128x10)" in out


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        pytest.param(
            "digits_classifier",
            ["train, val, test: needs label, pix", "inference: needs pix"],
            id="classifier",
        ),
        pytest.param(
            "digits",
            [
                "train, val: needs label; takes fou, kar, layout, pix;"
                " nothing reads gw.*.raw, gw.*.raw_target, gw.*.state",
                "inference: takes fou, kar, layout, pix",
            ],
            id="workspace",
        ),
    ],
)
def test_stages_show_their_data_and_what_nothing_reads(
    cli: Cli, experiment: str, expected: list[str]
) -> None:
    out = " ".join(cli("check", f"experiment={experiment}").out.split())
    assert all(line in out for line in expected)


def test_group_can_be_switched_off(cli: Cli) -> None:
    assert cli("check", "scheduler=null").status == 0
    assert cli("check", "~scheduler").status == 0


EVIL = """# @package _global_
defaults: [main_example, _self_]
hydra:
  callbacks:
    x: {_target_: numpy.save, file: callback, arr: 1}
  job_logging:
    version: 1
    root: {handlers: [h]}
    handlers:
      h: {(): logging.FileHandler, filename: logged}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", [pytest.param([], id="run"), pytest.param(["-m"], id="sweep")]
)
def test_config_cannot_have_hydra_run_anything(
    cli: Cli, tmp_path: Path, mode: list[str]
) -> None:
    folder = tmp_path / "configs" / "experiment"
    folder.mkdir(parents=True)
    (folder / "evil.yaml").write_text(EVIL)
    cli("check", "experiment=evil", *mode)
    assert {path.name for path in tmp_path.iterdir()} <= {"configs", "outputs"}


def test_without_the_guard_it_could(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hydra_app, "DISARMED", ())
    folder = tmp_path / "configs" / "experiment"
    folder.mkdir(parents=True)
    (folder / "evil.yaml").write_text(EVIL.split("  job_logging")[0])
    cli("check", "-m", "experiment=evil")
    assert (tmp_path / "callback.npy").exists()
