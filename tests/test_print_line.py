from io import StringIO

import pytest
from rich.console import Console

from gwbricks.print_line import print_line


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("run folder: a folder with a long name " * 3 + "end", id="long"),
        pytest.param("bricks=[gw] and [red]text[/red]", id="brackets"),
        pytest.param("003_seed=1 finished after 4.2 s", id="numbers"),
    ],
)
def test_a_line_is_printed_as_it_is(line: str) -> None:
    file = StringIO()
    print_line(Console(file=file, width=40, force_terminal=True), line)
    assert file.getvalue() == f"{line}\n"
