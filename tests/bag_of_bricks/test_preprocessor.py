import pytest
import torch

from gwbricks.bag_of_bricks import Preprocessor


def test_normalised_channels_have_zero_mean_and_unit_deviation() -> None:
    images = torch.rand(8, 2, 5, 5) * torch.tensor([2.0, 0.5]).reshape(2, 1, 1)
    mean, std = images.mean((0, 2, 3)), images.std((0, 2, 3))
    normalised = Preprocessor(mean.tolist(), std.tolist())(images)
    torch.testing.assert_close(normalised.mean((0, 2, 3)), torch.zeros(2))
    torch.testing.assert_close(normalised.std((0, 2, 3)), torch.ones(2))


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        pytest.param(0, (1 - 0.485) / 0.229, id="red"),
        pytest.param(1, (1 - 0.456) / 0.224, id="green"),
        pytest.param(2, (1 - 0.406) / 0.225, id="blue"),
    ],
)
def test_default_is_imagenet(channel: int, expected: float) -> None:
    white = Preprocessor()(torch.ones(1, 3, 2, 2))
    assert white[0, channel].tolist() == [[pytest.approx(expected)] * 2] * 2


def test_has_nothing_to_train_and_moves_with_the_model() -> None:
    preprocessor = Preprocessor().to(torch.float64)
    assert not list(preprocessor.parameters())
    assert set(preprocessor.state_dict()) == {"mean", "std"}
    assert preprocessor(torch.ones(1, 3, 2, 2).double()).dtype == torch.float64


def test_bytes_are_scaled_first() -> None:
    images = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    preprocessor = Preprocessor()
    torch.testing.assert_close(preprocessor(images), preprocessor(images / 255))
