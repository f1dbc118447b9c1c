import pytest

from gwbricks.errors import (
    CheckpointError,
    close_match,
    ConfigError,
    ConfigErrors,
    DivergedError,
    GWBricksError,
    suggest,
    UnknownNameError,
    WiringError,
)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ConfigError("x"), id="config"),
        pytest.param(WiringError("x"), id="wiring"),
        pytest.param(UnknownNameError("x", "y", []), id="unknown-name"),
        pytest.param(ConfigErrors(["x"]), id="several"),
        pytest.param(DivergedError("x"), id="diverged"),
        pytest.param(CheckpointError("x"), id="checkpoint"),
    ],
)
def test_every_error_is_a_gwbricks_error(error: Exception) -> None:
    assert isinstance(error, GWBricksError)


def test_an_unknown_name_is_a_mistake_of_wiring_and_of_the_config() -> None:
    assert issubclass(UnknownNameError, WiringError)
    assert issubclass(WiringError, ConfigError)


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        pytest.param(
            "cylces",
            ["fused", "cycles"],
            "coefs: unknown name 'cylces'. Did you mean 'cycles'?"
            " Known names: cycles, fused.",
            id="close-match",
        ),
        pytest.param(
            "xyz",
            {"fused", "cycles"},
            "coefs: unknown name 'xyz'. Known names: cycles, fused.",
            id="nothing-close",
        ),
        pytest.param("xyz", [], "coefs: unknown name 'xyz'. There is none.", id="none"),
    ],
)
def test_unknown_name_tells_where_what_and_what_is_known(
    name: str, known: list[str] | set[str], expected: str
) -> None:
    assert str(UnknownNameError("coefs", name, known)) == expected


def test_suggests_at_most_one_name() -> None:
    assert suggest("loss", ["loss_a", "loss_b"]).count("Did you mean") == 1


def test_close_match_is_the_name_alone_or_nothing() -> None:
    assert close_match("cylces", {"fused", "cycles"}) == "cycles"
    assert close_match("xyz", ["fused", "cycles"]) is None
    assert close_match("xyz", []) is None


def test_of_many_names_the_nearest_are_listed() -> None:
    known = [f"{letter}_{number}" for letter in "abcd" for number in range(10)]
    assert suggest("b_77", known).startswith(" Did you mean 'b_7'? Nearest names: ")
    assert suggest("b_77", known).count(", ") == 7


def test_several_mistakes_are_listed_one_a_line() -> None:
    error = ConfigErrors(["a.b: wrong.", "c: missing."])
    assert str(error) == "2 problems in the config:\n  a.b: wrong.\n  c: missing."
    assert error.problems == ["a.b: wrong.", "c: missing."]


def test_one_mistake_is_counted_in_the_singular() -> None:
    assert str(ConfigErrors(["a: wrong."])) == "1 problem in the config:\n  a: wrong."
