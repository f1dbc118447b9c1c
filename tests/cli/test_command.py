from pathlib import Path

import pytest

from gwbricks.cli.command import Argument, Command
from gwbricks.errors import ConfigError

COPY = Command(
    "copy",
    summary="copy a run: copy RUN [-o FOLDER]",
    usage="RUN [-o FOLDER]",
    arguments=(
        Argument("RUN", "a run folder", {"dest": "run", "type": Path}),
        Argument("-o FOLDER", "where to", {"dest": "path", "default": "copy"}),
        Argument("--quick", "links, " * 20, {"action": "store_true"}),
    ),
    notes="Nothing is replaced.",
)
WAIT = Command("wait", "wait", "[WORD]", (Argument("WORD", "any"),), takes_words=True)
LOOK = Command(
    "look", "look", "[WORD]", (Argument("--far", "", {"type": int}),), takes_words=True
)


def test_help_is_made_of_the_arguments() -> None:
    assert COPY.help().splitlines() == [
        "usage: gwbricks copy RUN [-o FOLDER]",
        "",
        "  RUN         a run folder",
        "  -o FOLDER   where to",
        "  --quick     links, links, links, links, links, links, links, links, links,"
        " links,",
        "              links, links, links, links, links, links, links, links, links,"
        " links,",
        "",
        "Nothing is replaced.",
    ]


def test_parser_is_made_of_the_arguments() -> None:
    given = COPY.read(["mine", "--quick", "-o", "there"], ["numpy"])
    assert vars(given.options) == {"run": Path("mine"), "path": "there", "quick": True}
    assert (given.words, given.trusted) == ([], ["numpy"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param([], "required: RUN", id="missing"),
        pytest.param(["mine", "--quik"], "unrecognized arguments: --quik", id="option"),
        pytest.param(["mine", "x=1"], "unrecognized arguments: x=1", id="override"),
    ],
)
def test_mistake_names_the_command_and_its_help(args: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        COPY.read(args, [])
    assert str(raised.value).startswith("copy: ")
    assert str(raised.value).endswith(f"{message}. Fix: see gwbricks copy --help.")


@pytest.mark.parametrize(
    ("command", "args"),
    [
        pytest.param(WAIT, ["b=1", "--", "-m", "a=1"], id="no-options"),
        pytest.param(LOOK, ["b=1", "-m", "a=1", "--cfg", "job"], id="options"),
    ],
)
def test_words_of_the_command_keep_their_order(
    command: Command, args: list[str]
) -> None:
    assert command.read(args, []).words == args
