import pytest
from torch import nn

from gwbricks.bricks import (
    Brick,
    BrickCollection,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
)
from gwbricks.bricks.collection.description import describe_brick


@pytest.mark.parametrize(
    ("brick", "expected"),
    [
        pytest.param(
            BrickTrainable(nn.Linear(3, 3), ["x?"], ["y"]),
            ("Linear", "x? -> y", "all stages", "12 trained"),
            id="trained",
        ),
        pytest.param(
            BrickNotTrainable(nn.Linear(3, 3), {"x": "a"}, [], ["test", "train"]),
            ("Linear", "a=x -> ()", "train, test", "12 frozen"),
            id="frozen",
        ),
        pytest.param(
            BrickShared("v.encode", "all", ["./y"], "none"),
            ("v.encode", "all -> ./y", "never", ""),
            id="shared",
        ),
    ],
)
def test_a_brick_is_described(brick: Brick, expected: tuple[str, ...]) -> None:
    assert describe_brick(brick) == expected


def test_a_collection_is_shown_in_columns_sorted_by_path() -> None:
    collection = BrickCollection(
        {
            "v": {"encode": BrickTrainable(nn.Linear(3, 3), ["../x"], ["./y"])},
            "shrink": BrickNotTrainable(abs, ["v/y"], ["z"], ["val"]),
        }
    )
    assert repr(collection) == (
        "BrickCollection(\n"
        "  shrink    abs     v/y -> z     val\n"
        "  v.encode  Linear  ../x -> ./y  all stages  12 trained\n"
        ")"
    )
    assert repr(collection["v"]) == (
        "BrickCollection(\n  encode  Linear  ../x -> ./y  all stages  12 trained\n)"
    )


def test_a_collection_without_bricks_is_shown_too() -> None:
    assert repr(BrickCollection({})) == "BrickCollection()"
