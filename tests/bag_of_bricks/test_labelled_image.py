import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gwbricks.bag_of_bricks import LabelledImage
from gwbricks.bag_of_bricks.labelled_image import LINE, PLAIN, WRONG
from gwbricks.errors import ConfigError

TWO = torch.tensor(2)


def tint(picture: Image.Image) -> tuple[int, int, int]:
    """Returns the mean colour of the first line of text."""
    top = picture.height - 2 * LINE
    strip = np.asarray(picture.crop((0, top, picture.width, top + LINE)))
    red, green, blue = strip.reshape(-1, 3).mean(axis=0).round().astype(int).tolist()
    return red, green, blue


@pytest.mark.parametrize(
    ("predicted", "is_right"),
    [
        pytest.param(torch.tensor(2), True, id="right"),
        pytest.param(torch.tensor(1), False, id="wrong"),
        pytest.param(torch.tensor([0.1, 0.2, 0.7]), True, id="scores"),
    ],
)
def test_prediction_is_green_or_red(predicted: Tensor, is_right: bool) -> None:
    red, green, _ = tint(LabelledImage()(torch.zeros(8, 8), predicted, TWO))
    assert red != green
    assert (green > red) is is_right


def test_text_is_that_of_the_classes() -> None:
    draw = LabelledImage(["cat", "dog", "owl"])
    assert draw._lines(torch.tensor(0), TWO) == [("cat", WRONG), ("true: owl", PLAIN)]
    assert draw._lines(torch.tensor(0), None) == [("cat", PLAIN)]
    assert LabelledImage()._lines(None, TWO) == [("true: 2", PLAIN)]


@pytest.mark.parametrize(
    ("image", "value_range", "expected"),
    [
        pytest.param([[0.0, 1.0]], (0, 1), [0, 255], id="floats"),
        pytest.param([[-3.0, 9.0]], (0, 1), [0, 255], id="clamped"),
        pytest.param([[-2.0, 0.0, 2.0]], None, [0, 128, 255], id="own-range"),
        pytest.param([[5.0, 5.0]], None, [0, 0], id="constant"),
        pytest.param([[float("nan"), 1.0]], (0, 1), [0, 255], id="nan"),
        pytest.param([[7, 200]], (0, 1), [7, 200], id="bytes"),
    ],
)
def test_values_become_grey(
    image: list[list[float]], value_range: tuple[float, float] | None, expected: list
) -> None:
    dtype = torch.uint8 if isinstance(image[0][0], int) else torch.float32
    draw = LabelledImage(value_range=value_range, size=1)
    picture = draw(torch.tensor(image, dtype=dtype))
    found = [picture.getpixel((x, 0)) for x in range(picture.width)]
    assert found == [(grey, grey, grey) for grey in expected]


def test_colours_stay_colours() -> None:
    image = torch.tensor([1.0, 0.0, 0.5]).reshape(3, 1, 1).expand(3, 4, 4)
    assert LabelledImage(size=4)(image).getpixel((0, 0)) == (255, 0, 128)


def test_small_images_are_enlarged_and_large_ones_are_not_shrunk() -> None:
    assert LabelledImage(size=96)(torch.zeros(3, 32, 40)).size == (120, 96)
    assert LabelledImage(size=96)(torch.zeros(100, 200)).size == (200, 100)


def test_what_is_no_image_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"shape \(4, 8, 8\)\. Expected \(height"):
        LabelledImage()(torch.zeros(4, 8, 8))
    with pytest.raises(ConfigError, match=r"value_range: \[1, 0\]\. Expected the"):
        LabelledImage(value_range=(1, 0))
