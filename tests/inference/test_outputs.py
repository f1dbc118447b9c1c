import pytest

from gwbricks.inference.outputs import parse_route
from gwbricks.workspace.planning.routes import CYCLES, Route, TRANSLATIONS

DOMAINS = ("a", "left-to-right", "t", "v")


@pytest.mark.parametrize(
    ("name", "route"),
    [
        pytest.param("v-to-t", Route(TRANSLATIONS, ("v",), "t"), id="one"),
        pytest.param("v+a-to-t", Route(TRANSLATIONS, ("a", "v"), "t"), id="two"),
        pytest.param("v-to-v", Route(TRANSLATIONS, ("v",), "v"), id="demi-cycle"),
        pytest.param("v-through-t", Route(CYCLES, ("v",), "v", ("t",)), id="cycle"),
        pytest.param(
            "v-through-t+a", Route(CYCLES, ("v",), "v", ("a", "t")), id="through-two"
        ),
        pytest.param(
            "left-to-right-to-t",
            Route(TRANSLATIONS, ("left-to-right",), "t"),
            id="name-with-to",
        ),
        pytest.param("v/raw", None, id="name-of-the-graph"),
        pytest.param("x-to-t", None, id="unknown-source"),
        pytest.param("v-to-x", None, id="unknown-target"),
        pytest.param("v-through-x", None, id="unknown-between"),
        pytest.param("-to-t", None, id="no-source"),
    ],
)
def test_names_of_routes_are_understood(name: str, route: Route | None) -> None:
    assert parse_route(name, DOMAINS) == route
