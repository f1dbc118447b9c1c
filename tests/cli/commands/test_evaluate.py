from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param([], "evaluate: 0 runs given. Expected one run folder", id="none"),
        pytest.param(["a", "b"], "evaluate: 2 runs given. Expected one", id="two"),
        pytest.param(
            ["nothing"],
            "nothing: no run folder with checkpoints and no checkpoint. Fix: the",
            id="missing",
        ),
        pytest.param(["x.ckpt"], "x.ckpt: cannot read 'x.ckpt'", id="garbage"),
        pytest.param(["a=1"], "a=1: no run folder with checkpoints", id="job-folder"),
    ],
)
def test_what_is_no_run_is_an_error(cli: Cli, args: list[str], message: str) -> None:
    Path("x.ckpt").write_text("garbage")
    Path("a=1").mkdir()
    status, _, err = cli("evaluate", *args)
    assert status == 2
    assert message in err
    assert "Traceback" not in err
