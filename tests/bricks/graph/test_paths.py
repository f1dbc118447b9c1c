import pytest

from gwbricks.bricks.graph.paths import listed, nests, select
from gwbricks.errors import ConfigError, UnknownNameError

PATHS = ["gw.v.encode", "gw.v2.encode", "gw.v", "head"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["head"], {"head"}, id="brick"),
        pytest.param(["gw.v"], {"gw.v", "gw.v.encode"}, id="nest-by-whole-names"),
        pytest.param(["gw", "head"], set(PATHS), id="several"),
        pytest.param([], set(), id="nothing"),
        pytest.param(None, set(), id="none"),
    ],
)
def test_bricks_and_nests_are_selected(
    names: list[str] | None, expected: set[str]
) -> None:
    assert select(names, PATHS, "bricks") == expected


def test_an_unknown_path_names_the_close_nest() -> None:
    with pytest.raises(UnknownNameError, match=r"skip: .*'gw\.v3'\. Did you mean 'gw"):
        select(["gw.v3"], PATHS, "skip")


def test_a_string_is_an_error() -> None:
    with pytest.raises(
        ConfigError, match=r"skip: 'head' is a string\. Fix: \['head'\]"
    ):
        listed("head", "skip")


def test_a_brick_is_no_nest() -> None:
    assert nests(["head", "gw.v.encode"]) == {"gw", "gw.v"}
