import re
from collections.abc import Sequence

import pytest

from gwbricks.workspace import FusionRoutes, missing_kinds, Routes, SimpleRoutes
from gwbricks.workspace.planning.routes import KINDS

FUSION, SIMPLE = FusionRoutes(), SimpleRoutes()
SINGLES, PAIR = [("a",), ("b",)], [("a", "b")]


@pytest.mark.parametrize(
    ("groups", "routes", "missing"),
    [
        pytest.param([*SINGLES, *PAIR], FUSION, [], id="all-there"),
        pytest.param([*SINGLES, *PAIR], SIMPLE, ["fused"], id="simple-has-no-fused"),
        pytest.param(
            SINGLES, FUSION, ["contrastives", "fused", "translations"], id="unmatched"
        ),
        pytest.param(PAIR, FUSION, [], id="only-matched"),
        pytest.param(PAIR, SIMPLE, ["cycles", "demi_cycles", "fused"], id="pairs"),
    ],
)
def test_names_the_kinds_that_no_row_has_a_route_of(
    groups: Sequence[tuple[str, ...]], routes: Routes, missing: list[str]
) -> None:
    messages = missing_kinds(KINDS, groups, "ab", routes)
    assert [message.split(":")[0] for message in messages] == [
        f"loss_coefs.{kind}" for kind in missing
    ]


@pytest.mark.parametrize(
    ("kind", "groups", "routes", "message"),
    [
        pytest.param(
            "translations",
            SINGLES,
            FUSION,
            r"\(groups: a, b; 2 domains\): it needs rows with two domains\. "
            r"Fix: data\.matched above 0, or loss_coefs\.translations=null\.",
            id="translations",
        ),
        pytest.param(
            "contrastives",
            SINGLES,
            FUSION,
            r"needs rows with two domains\. Fix: data\.matched above 0",
            id="contrastives",
        ),
        pytest.param(
            "fused", PAIR, SIMPLE, r"routes=fusion\. Fix: data\.matched", id="fused"
        ),
        pytest.param(
            "demi_cycles",
            PAIR,
            SIMPLE,
            r"rows that routes=simple takes alone\. Fix: data\.unpaired=true",
            id="demi-cycles",
        ),
    ],
)
def test_message_says_what_is_needed(
    kind: str, groups: Sequence[tuple[str, ...]], routes: Routes, message: str
) -> None:
    (found,) = missing_kinds([kind], groups, "ab", routes)
    assert re.search(message, found)


def test_one_domain_has_no_cycles() -> None:
    (message,) = missing_kinds(["cycles"], [("a",)], "a", FUSION)
    assert "1 domain)" in message
    assert "a second domain to go through. Fix: add one" in message


def test_losses_of_other_bricks_need_no_route() -> None:
    assert missing_kinds(["classify", "unimodal"], SINGLES, "ab", FUSION) == []
