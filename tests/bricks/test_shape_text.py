import re
from pathlib import Path

import pytest
import torch

import gwbricks
from gwbricks.bricks import LossOutput
from gwbricks.bricks.shape_text import full_shape_text, shape_text


@pytest.mark.parametrize(
    ("value", "short", "full"),
    [
        pytest.param(torch.zeros(4, 3), "4x3", "(4, 3) float32", id="floats"),
        pytest.param(
            torch.zeros(4, dtype=torch.bool), "4 bool", "(4,) bool", id="other-type"
        ),
        pytest.param(torch.tensor(1.0), "scalar", "() float32", id="scalar"),
        pytest.param(torch.zeros(0, 2), "0x2", "(0, 2) float32", id="no-rows"),
        pytest.param(LossOutput(torch.tensor(1.0)), "scalar", "LossOutput", id="loss"),
        pytest.param([1], "", "list", id="no-tensor"),
    ],
)
def test_shapes_are_texts_for_people(value: object, short: str, full: str) -> None:
    assert (shape_text(value), full_shape_text(value)) == (short, full)


def test_types_are_spelt_in_one_file() -> None:
    package = Path(gwbricks.__file__).parent
    spelling = re.compile(r"str\([\w.]*dtype\)")
    found = [
        path.name
        for path in sorted(package.rglob("*.py"))
        if spelling.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["shape_text.py"]
