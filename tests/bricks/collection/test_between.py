import pytest

from gwbricks.bricks import BrickCollection, BrickModule, Stage
from gwbricks.bricks.collection.between import steps_between
from gwbricks.errors import UnknownNameError, WiringError

CHAIN = {"a": ("x", "y"), "b": ("y", "z"), "c": ("z", "w")}


def double(value: int) -> int:
    return 2 * value


@pytest.fixture(scope="module")
def chain() -> BrickCollection:
    bricks = {n: BrickModule(double, [r], [w]) for n, (r, w) in CHAIN.items()}
    return BrickCollection(bricks)


@pytest.mark.parametrize(
    ("given", "outputs", "paths"),
    [
        pytest.param(["x"], ["w"], ["a", "b", "c"], id="all"),
        pytest.param(["y"], ["z"], ["b"], id="part"),
        pytest.param(["x"], None, ["a", "b", "c"], id="whatever-there-is"),
        pytest.param(["x"], [], [], id="nothing"),
    ],
)
def test_bricks_that_write_what_is_given_are_left_out(
    chain: BrickCollection,
    given: list[str],
    outputs: list[str] | None,
    paths: list[str],
) -> None:
    steps = steps_between(chain, given, outputs, Stage.INFERENCE)
    assert [step.path for step in steps] == paths


@pytest.mark.parametrize(
    ("given", "outputs", "error", "message"),
    [
        pytest.param(
            *(["v"], ["w"], UnknownNameError),
            "inputs: unknown name 'v'.*Known names: w, x, y, z",
            id="input",
        ),
        pytest.param(
            *(["x"], ["v"], UnknownNameError), "outputs: unknown name 'v'", id="output"
        ),
        pytest.param(
            *(["x"], ["x"], WiringError), "outputs: 'x' is an input", id="both"
        ),
        pytest.param(
            *(["z"], ["y"], WiringError),
            "the outputs need another: a.*'x'",
            id="before",
        ),
    ],
)
def test_names_that_do_not_fit_are_an_error(
    chain: BrickCollection,
    given: list[str],
    outputs: list[str],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        steps_between(chain, given, outputs, Stage.INFERENCE)
