from collections.abc import Iterable

import pytest

from gwbricks.bricks import BrickCollection, BrickNotTrainable, Stage
from gwbricks.bricks.stage import EVALUATED, parse_stages
from gwbricks.errors import UnknownNameError


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        pytest.param("all", set(Stage), id="all"),
        pytest.param("none", set(), id="none"),
        pytest.param([], set(), id="empty"),
        pytest.param("train", {Stage.TRAIN}, id="lone-name"),
        pytest.param(["TRAIN", "Test"], {Stage.TRAIN, Stage.TEST}, id="any-case"),
        pytest.param(["val", "validation"], {Stage.VALIDATION}, id="value-and-name"),
        pytest.param(
            [Stage.EXPORT, "inference"], set(Stage) - set(EVALUATED), id="mix"
        ),
    ],
)
def test_reads_stages_in_every_spelling(
    stages: Iterable[Stage | str] | str, expected: set[Stage]
) -> None:
    assert parse_stages(stages, "alive_stages") == expected


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        pytest.param(
            ["trian"],
            r"alive_stages: unknown name 'trian'\. Did you mean 'train'\?",
            id="in-a-list",
        ),
        pytest.param(
            "every", r"alive_stages: unknown name 'every'\..*all.*none", id="lone"
        ),
    ],
)
def test_unknown_stage_names_the_close_match(
    stages: Iterable[Stage | str] | str, message: str
) -> None:
    with pytest.raises(UnknownNameError, match=message):
        parse_stages(stages, "alive_stages")


def test_values_are_the_prefixes_of_logged_names() -> None:
    assert [stage.value for stage in Stage] == [
        "train",
        "val",
        "test",
        "inference",
        "export",
    ]


def test_stage_may_be_given_by_name() -> None:
    double = BrickNotTrainable(lambda x: 2 * x, ["x"], ["y"], ["val"])
    collection = BrickCollection({"double": double})
    assert collection({"x": 1}, "validation") == {"x": 1, "y": 2}
    assert collection({"x": 1}, "train") == {"x": 1}
    with pytest.raises(UnknownNameError, match=r"stage: unknown name 'tran'.*'train'"):
        collection({"x": 1}, "tran")
