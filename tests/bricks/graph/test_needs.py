from typing import Any

import pytest
from torch import nn
from torchmetrics import MeanMetric

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickMetricSingle,
    BrickNotTrainable,
    Stage,
)
from gwbricks.bricks.names import InputNames
from gwbricks.errors import ConfigError, UnknownNameError


def brick(reads: InputNames, writes: list[str], **settings: Any) -> BrickNotTrainable:
    return BrickNotTrainable(lambda *values: values, reads, writes, **settings)


BRICKS = {
    "v": {"encode": brick(["v"], ["v/latent"], skip_missing=True)},
    "fuse": brick(["*/latent"], ["state"]),
    "head": brick(["state", "mask?", "stage"], ["logits"]),
    "loss": BrickLoss(nn.MSELoss(), ["logits", "targets"], ["loss"]),
    "mean": BrickMetricSingle(MeanMetric(), ["weights"], alive_stages=["test"]),
    "spare": brick(["x"], ["unused"], alive_stages=["test"]),
    "log": brick(["x"], [], alive_stages=["test"]),
}


@pytest.mark.parametrize(
    ("stage", "outputs", "expected"),
    [
        pytest.param(Stage.INFERENCE, None, set(), id="nothing-to-skip"),
        pytest.param(
            Stage.INFERENCE, ["v/latent"], {"v"}, id="asked-for-is-not-skipped"
        ),
        pytest.param(Stage.INFERENCE, ["logits"], {"*/latent"}, id="any-match-will-do"),
        pytest.param(Stage.TRAIN, ["loss"], {"*/latent", "targets"}, id="loss"),
        pytest.param(Stage.TEST, None, {"weights", "x"}, id="metrics-too"),
        pytest.param(Stage.TEST, ["unused"], {"x"}, id="metrics-not-for-outputs"),
        pytest.param(Stage.TRAIN, ["targets", "mask"], {"targets", "mask"}, id="data"),
        pytest.param(Stage.TRAIN, ["t/latent"], {"t/latent"}, id="data-of-a-pattern"),
        pytest.param(Stage.TRAIN, [], set(), id="nothing-wanted"),
    ],
)
def test_required_are_the_names_that_cannot_be_missing(
    stage: Stage, outputs: list[str] | None, expected: set[str]
) -> None:
    assert BrickCollection(BRICKS).required_inputs(stage, outputs) == expected


def test_a_pattern_that_another_required_name_matches_is_not_named() -> None:
    bricks = {"a": brick(["*/latent"], ["y"]), "b": brick(["v/latent"], ["z"])}
    assert BrickCollection(bricks).required_inputs(Stage.TEST) == {"v/latent"}


def test_what_only_skipped_bricks_would_read_is_not_required() -> None:
    bricks = {
        "first": brick(["m"], ["s"], skip_missing=True),
        "after": brick(["s", "k"], ["d"]),
        "second": brick(["k"], ["t"], skip_missing=True),
        "last": brick(["t", "q"], ["e"]),
    }
    assert BrickCollection(bricks).required_inputs(Stage.TEST) == set()
    needed = BrickCollection(bricks).required_inputs(Stage.TEST, ["d"])
    assert needed == {"m", "k"}


def test_a_typo_in_the_outputs_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match=r"outputs: .*'logist'.*mean 'logits'\?"):
        BrickCollection(BRICKS).required_inputs(Stage.TEST, ["logist"])


def test_a_string_of_outputs_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"outputs: 'v' is a string\. Fix: \['v'\]"):
        BrickCollection(BRICKS).required_inputs(Stage.TEST, "v")


def test_unread_bricks_are_those_that_nothing_reads_but_for_ends() -> None:
    collection = BrickCollection(BRICKS)
    assert collection.unread_bricks(Stage.TEST) == ["spare"]
    assert collection.unread_bricks(Stage.TRAIN) == []
    assert collection.unread_bricks(Stage.INFERENCE) == ["head"]


def test_a_brick_that_reads_all_reads_everything() -> None:
    bricks = {"a": brick(["x"], ["y"]), "all": brick("all", ["z"])}
    assert BrickCollection(bricks).unread_bricks(Stage.TEST) == ["all"]
    assert BrickCollection(bricks).required_inputs(Stage.TEST) == {"x"}
