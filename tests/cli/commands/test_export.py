from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gwbricks.bricks.files.checked_export import Exported
from gwbricks.inference import export as export_module

Cli = Callable[..., Any]
ROUTE = ("RUN", "--inputs", "v", "--outputs", "t/raw", "-o", "x.onnx")


def test_arguments_reach_the_export(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def export(**arguments: Any) -> Exported:
        calls.append(arguments)
        return Exported(Path(), {}, {}, 0.0)

    monkeypatch.setattr(export_module, "export", export)
    assert cli("export", *ROUTE).status == 0
    changed = ("--inputs=v, a", "--outputs", "t/raw,state", "--batch-size", "3")
    assert cli("export", *changed, "-o", "x.pt2", "RUN", "--trust", "numpy").status == 0
    first = {"target": Path("RUN"), "inputs": ["v"], "outputs": ["t/raw"]}
    second = {**first, "inputs": ["v", "a"], "outputs": ["t/raw", "state"]}
    assert calls == [
        {**first, "path": Path("x.onnx"), "batch_size": None, "trusted": []},
        {**second, "path": Path("x.pt2"), "batch_size": 3, "trusted": ["numpy"]},
    ]


def test_help_says_what_a_translation_is(cli: Cli) -> None:
    status, out, _ = cli("export", "--help")
    assert status == 0
    assert out.startswith("usage: gwbricks export RUN_OR_CKPT --inputs NAMES")
    assert "fuses the inputs alone" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param([], "required: RUN_OR_CKPT, --inputs, --outputs, -o", id="none"),
        pytest.param(ROUTE[:-2], "arguments are required: -o. Fix: see", id="no-file"),
        pytest.param([*ROUTE, "b"], "unrecognized arguments: b. Fix", id="two-runs"),
        pytest.param(
            [*ROUTE, "--batch-size", "0"],
            "--batch-size: '0'. Expected a whole number above 0. Fix: leave it out",
            id="batch-size",
        ),
        pytest.param(
            [*ROUTE[:-1], "x.bin"], "-o: 'x.bin' is of no known format", id="suffix"
        ),
        pytest.param(ROUTE, "RUN: no run folder with checkpoints", id="no-run"),
    ],
)
def test_wrong_arguments_are_an_error_of_a_line(
    cli: Cli, args: list[str], message: str
) -> None:
    status, out, err = cli("export", *args)
    assert (status, out) == (2, "")
    assert err.startswith("gwbricks: error: ")
    assert message in err
    assert len(err.splitlines()) == 1
