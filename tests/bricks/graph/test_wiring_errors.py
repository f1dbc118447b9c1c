from collections.abc import Sequence
from typing import Any

import pytest

from gwbricks.bricks import BrickCollection, BrickNotTrainable, Stage
from gwbricks.errors import UnknownNameError, WiringError


def brick(
    input_names: Sequence[str], output_names: Sequence[str], **settings: Any
) -> BrickNotTrainable:
    return BrickNotTrainable(
        lambda *values: values, input_names, output_names, **settings
    )


@pytest.mark.parametrize(
    ("bricks", "message"),
    [
        pytest.param(
            {"gw": {"head": brick(["imgae"], ["y"])}},
            r"^gw\.head\.input_names: unknown name 'imgae'\. Did you mean 'image'\?",
            id="unknown-input",
        ),
        pytest.param(
            {"a": brick(["image"], ["latent"]), "b": brick(["latnet"], ["y"])},
            r"^b\.input_names: unknown name 'latnet'\. Did you mean 'latent'\?"
            r" Known names: image, latent\.",
            id="close-to-an-output",
        ),
        pytest.param(
            {"head": brick(["*/latent"], ["y"])},
            r"^head\.input_names: unknown name '\*/latent'",
            id="pattern-without-a-match",
        ),
        pytest.param(
            {"a": brick(["image"], ["y"]), "b": {"c": brick(["image"], ["y"])}},
            r"^b\.c\.output_names: 'y' has two writers in stage 'train': 'a' already"
            r" writes it\. Fix: rename",
            id="two-writers",
        ),
        pytest.param(
            {"a": brick([], ["image"])},
            r"^a\.output_names: 'image' has two writers .*: the data already has it",
            id="writes-data",
        ),
        pytest.param(
            {"a": brick(["image", "y"], ["y"])},
            r"^a\.input_names: 'y' is its own output",
            id="reads-itself",
        ),
        pytest.param(
            {"a": brick(["z"], ["y"]), "b": brick(["y"], ["z"])},
            r"^bricks: a loop in stage 'train': '(a' reads 'z' of 'b', 'b' reads 'y' of"
            r" 'a'|b' reads 'y' of 'a', 'a' reads 'z' of 'b')\. Fix: rename",
            id="loop",
        ),
        pytest.param(
            {"a": brick(["*/z"], ["y"]), "b": brick(["y"], ["v/z"])},
            r"a loop in stage 'train': .*'a' reads 'v/z' of 'b'",
            id="loop-by-a-pattern",
        ),
        pytest.param(
            {
                "a": brick(["image"], ["y"], alive_stages=["train", "val"]),
                "b": brick(["y"], ["z"]),
            },
            r"^b\.input_names: 'y' is written by 'a', which is not alive in stage"
            r" 'test'\. Fix: add the stage to its alive_stages",
            id="dead-writer",
        ),
    ],
)
def test_bricks_that_do_not_fit_are_named_when_inputs_are_declared(
    bricks: dict[str, Any], message: str
) -> None:
    with pytest.raises(WiringError, match=message):
        BrickCollection(bricks, inputs=["image"])


def test_an_unknown_input_is_found_at_the_first_call_if_inputs_are_not_declared() -> (
    None
):
    collection = BrickCollection({"head": brick(["imgae"], ["y"])})
    with pytest.raises(
        UnknownNameError,
        match=r"head\.input_names: unknown name 'imgae'\. Did you mean",
    ):
        collection({"image": 1}, Stage.TEST)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        pytest.param(
            "logist",
            r"outputs: unknown name 'logist'\. Did you mean 'logits'\?",
            id="typo",
        ),
        pytest.param(
            "t/raw",
            r"outputs: 't/raw' needs data that is missing\. Given: x\.",
            id="data",
        ),
    ],
)
def test_an_output_that_cannot_be_computed_is_an_error(
    wanted: str, message: str
) -> None:
    collection = BrickCollection(
        {"a": brick(["x"], ["logits"]), "t": brick(["t"], ["t/raw"], skip_missing=True)}
    )
    with pytest.raises(WiringError, match=message):
        collection({"x": 1}, Stage.TEST, outputs=[wanted])
