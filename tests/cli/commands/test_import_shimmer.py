from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(
            [], "import-shimmer: 0 checkpoints given. Expected one.", id="none"
        ),
        pytest.param(["a", "b"], "import-shimmer: 2 checkpoints given.", id="two"),
        pytest.param(["nothing"], "import-shimmer: no file 'nothing'", id="missing"),
        pytest.param(["x.ckpt"], "import-shimmer: cannot read 'x.ckpt'", id="garbage"),
    ],
)
def test_what_is_no_checkpoint_is_an_error(
    cli: Callable[..., Any], args: list[str], message: str
) -> None:
    Path("x.ckpt").write_text("garbage")
    status, _, err = cli("import-shimmer", *args)
    assert status == 2
    assert message in err
    assert "Traceback" not in err


def test_help_says_what_it_does(cli: Callable[..., Any]) -> None:
    status, out, _ = cli("import-shimmer", "--help")
    assert status == 0
    assert "Nothing that the file has pickled is run" in out
