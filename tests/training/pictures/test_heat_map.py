import pytest
import torch
from PIL import ImageDraw

from gwbricks.training.pictures.heat_map import heat_map, MARGIN


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written into pictures."""
    texts: list[str] = []
    write = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda self, at, text, *args, **settings: (
            texts.append(text),
            write(self, at, text, *args, **settings),
        ),
    )
    return texts


def test_counts_and_both_axes_are_written(written: list[str]) -> None:
    matrix = torch.arange(100).reshape(10, 10) + 900
    heat_map(matrix, "true", "predicted")
    assert written[:100] == [str(900 + count) for count in range(100)]
    assert written[100:] == [
        *map(str, range(10)),
        *map(str, range(10)),
        "predicted",
        "true",
    ]


def test_larger_values_are_darker() -> None:
    picture = heat_map(torch.tensor([[0.0, 1.0], [3.0, 2.0]]))
    cell = (picture.height - MARGIN) // 2
    corners = [
        picture.getpixel((MARGIN + x * cell + 4, y * cell + 4))
        for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    assert corners[0] == (255, 255, 255)
    assert corners == sorted(corners, reverse=True)  # pyright: ignore[reportArgumentType] - tuples
    assert len(set(corners)) == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(0.0, "0", id="zero"),
        pytest.param(0.12345, "0.12", id="share"),
        pytest.param(float("nan"), "nan", id="nan"),
        pytest.param(12345.0, "12345", id="count"),
        pytest.param(-3.0, "-3", id="negative"),
    ],
)
def test_numbers_are_short(value: float, text: str, written: list[str]) -> None:
    heat_map(torch.tensor([value]))
    assert written[0] == text


def test_large_matrix_has_no_numbers_and_stays_small(written: list[str]) -> None:
    assert heat_map(torch.eye(200)).size == (844, 844)
    assert len(written) < 100


@pytest.mark.parametrize("shape", [(0, 3), (2, 2, 2), ()])
def test_what_is_no_matrix_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Expected a matrix or a vector\."):
        heat_map(torch.zeros(shape))
