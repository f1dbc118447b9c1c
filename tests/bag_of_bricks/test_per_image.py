from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from gwbricks.bag_of_bricks import BrickPerImageVisualization
from gwbricks.bricks import BrickCollection, BrickNotTrainable, Stage
from gwbricks.bricks.names import InputNames
from gwbricks.errors import ConfigError

BLANK = Image.new("RGB", (2, 2))


class Drawer:
    """Draws nothing, and keeps what it was given."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *values: Any, **named: Any) -> Image.Image:
        """Keeps the values of one row."""
        self.calls.append((*values, *named.items()))
        return BLANK


def make(
    names: InputNames, drawer: Callable[..., Any] | None = None, **settings: Any
) -> BrickPerImageVisualization:
    return BrickPerImageVisualization(names, ["pictures"], drawer, **settings)


def images(rows: int) -> Tensor:
    return torch.arange(rows).reshape(rows, 1, 1, 1).expand(rows, 3, 2, 2).float()


def test_only_the_first_rows_of_an_epoch_are_drawn() -> None:
    drawer = Drawer()
    brick = make(["image"], drawer, max_images=5)
    counts = [len(brick({"image": images(4)}, Stage.TEST)["pictures"]) for _ in "abc"]
    assert counts == [4, 1, 0]
    assert [call[0].max().item() for call in drawer.calls] == [0, 1, 2, 3, 0]
    assert brick.summarize(Stage.TEST, reset=True) == {"pictures": [BLANK] * 5}
    assert brick.summarize(Stage.TEST, reset=True) == {}
    assert len(brick({"image": images(4)}, Stage.TEST)["pictures"]) == 4


def test_stages_are_gathered_separately() -> None:
    brick = make(["image"], Drawer(), max_images=2)
    for stage in (Stage.VALIDATION, Stage.TEST):
        brick({"image": images(3)}, stage)
    assert len(brick.summarize(Stage.VALIDATION, reset=True)["pictures"]) == 2
    assert len(brick.summarize(Stage.TEST, reset=False)["pictures"]) == 2
    assert len(brick.summarize(Stage.TEST, reset=True)["pictures"]) == 2


def test_inference_has_no_epochs() -> None:
    brick = make(["image"], Drawer(), max_images=2, alive_stages="all")
    for _ in range(2):
        assert len(brick({"image": images(3)}, Stage.INFERENCE)["pictures"]) == 2
    assert brick.summarize(Stage.INFERENCE, reset=True) == {}


def test_all_rows_are_drawn_without_a_limit() -> None:
    brick = make(["image"], Drawer(), max_images=None)
    assert len(brick({"image": images(40)}, Stage.TEST)["pictures"]) == 40


def test_a_dead_brick_draws_nothing() -> None:
    drawer = Drawer()
    assert make(["image"], drawer)({"image": images(3)}, Stage.TRAIN) == {}
    assert drawer.calls == []


def test_rows_of_every_kind_of_input_are_taken_apart() -> None:
    drawer = Drawer()
    brick = make(["image", "names", "*/state", "title", "scale", "gone?"], drawer)
    inputs = {
        "image": images(2),
        "names": ["a", "b"],
        "v/state": torch.tensor([1.0, 2.0]),
        "title": "both",
        "scale": torch.tensor(3.0),
    }
    BrickCollection({"brick": brick})(inputs, Stage.TEST)
    _, name, states, title, scale, gone = drawer.calls[1]
    assert (name, title, scale, gone) == ("b", "both", 3.0, None)
    assert states == {"v": 2.0}


def test_names_of_arguments_are_kept() -> None:
    drawer = Drawer()
    make({"image": "picture", "label": "truth"}, drawer)(
        {"label": torch.tensor([7]), "image": images(1)}, Stage.TEST
    )
    assert drawer.calls[0][1] == ("truth", torch.tensor(7))
    assert drawer.calls[0][0][0] == "picture"


def test_a_function_may_return_several_pictures() -> None:
    brick = BrickPerImageVisualization(
        ["image"], ["small", "large"], lambda image: (BLANK, BLANK.resize((9, 9)))
    )
    pictures = brick({"image": images(2)}, Stage.TEST)
    assert [picture.size for picture in pictures["large"]] == [(9, 9)] * 2
    assert brick.summarize(Stage.TEST, reset=True) == pictures


def test_pictures_are_outputs_of_a_collection_and_part_of_its_summary() -> None:
    guess = BrickNotTrainable(lambda image: image.mean((1, 2, 3)), ["image"], ["guess"])
    collection = BrickCollection(
        {"guess": guess, "draw": make(["image", "guess", "label"], max_images=3)}
    )
    batch = {"image": torch.rand(4, 1, 8, 8), "label": torch.tensor([0, 1, 0, 1])}
    pictures = collection(batch, Stage.VALIDATION)["pictures"]
    assert [picture.size for picture in pictures] == [(96, 126)] * 3
    assert collection.summarize(Stage.VALIDATION, reset=True) == {"pictures": pictures}
    assert "pictures" not in collection(batch, Stage.VALIDATION, outputs=["guess"])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        pytest.param(
            {"label": torch.zeros(3)}, r"inputs of \[2, 3\] rows", id="unlike"
        ),
        pytest.param(
            {"image": torch.tensor(1.0), "label": "x"}, "inputs of no rows", id="none"
        ),
    ],
)
def test_inputs_without_common_rows_are_an_error(
    inputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make(["image", "label"])({"image": images(2), **inputs}, Stage.TEST)


@pytest.mark.parametrize("key", ["max_images", "every"])
def test_drawing_no_image_is_an_error(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"{key}: 0\..*Fix: alive_stages=none"):
        make(["image"], None, **{key: 0})


@pytest.mark.parametrize(
    ("every", "most", "expected"),
    [
        pytest.param(3, None, [0, 3, 6, 9], id="all"),
        pytest.param(3, 2, [0, 3], id="some"),
        pytest.param(5, 9, [0, 5, 10], id="batches-between"),
        pytest.param(20, 9, [0], id="rare"),
    ],
)
def test_rows_are_spread_over_batches(
    every: int, most: int | None, expected: list[int]
) -> None:
    drawer = Drawer()
    brick = make(["image"], drawer, max_images=most, every=every)
    for epoch in (1, 2):
        for batch in images(11).split(4):
            brick({"image": batch}, Stage.TEST)
        brick.summarize(Stage.TEST, reset=True)
        assert [int(image[0, 0, 0]) for (image,) in drawer.calls] == expected * epoch


def test_holds_no_weights() -> None:
    assert make(["image"]).state_dict() == {}
    assert make(["image"]).label == "LabelledImage"
