from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gwbricks.inference import predict

Cli = Callable[..., Any]
GIVEN = ("RUN", "--data", "test", "-o", "x.npz")


def test_arguments_reach_the_prediction(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(predict, "predict", lambda **arguments: calls.append(arguments))
    assert cli("predict", *GIVEN).status == 0
    changed = ("--outputs=state, v/raw", "--batch-size", "3", "--device", "cuda")
    args = (*GIVEN, *changed, "--overwrite", "--trust", "numpy")
    assert cli("predict", *args).status == 0
    first = {"target": Path("RUN"), "data": "test", "path": Path("x.npz")}
    first |= {"outputs": None, "batch_size": 1024, "device": "cpu"}
    second = {"outputs": ["state", "v/raw"], "batch_size": 3, "device": "cuda"}
    assert calls == [
        {**first, "overwrite": False, "trusted": []},
        {**first, **second, "overwrite": True, "trusted": ["numpy"]},
    ]


def test_help_says_what_is_written(cli: Cli) -> None:
    status, out, _ = cli("predict", "--help")
    assert status == 0
    assert out.startswith("usage: gwbricks predict RUN_OR_CKPT --data DATA -o FILE")
    assert "v-through-t       v, translated to t and from there back: a cycle" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param([], "required: RUN_OR_CKPT, --data, -o. Fix: see", id="none"),
        pytest.param([*GIVEN, "b"], "unrecognized arguments: b. Fix", id="two-runs"),
        pytest.param(
            [*GIVEN, "--batch-size", "0"],
            "--batch-size: '0'. Expected a whole number above 0.",
            id="batch-size",
        ),
        pytest.param(
            [*GIVEN[:-1], "x.bin"], "-o: 'x.bin' is of no known format", id="suffix"
        ),
        pytest.param(GIVEN, "RUN: no run folder with checkpoints", id="no-run"),
    ],
)
def test_wrong_arguments_are_an_error_of_a_line(
    cli: Cli, args: list[str], message: str
) -> None:
    status, out, err = cli("predict", *args)
    assert (status, out) == (2, "")
    assert err.startswith("gwbricks: error: ")
    assert message in err
    assert len(err.splitlines()) == 1
