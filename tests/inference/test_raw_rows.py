from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gwbricks.errors import ConfigError
from gwbricks.inference.raw_rows import assemble, read_columns, Shape

SHAPES: dict[str, Shape] = {"v": (3,), "image": (2, 2), "label": ()}
KNOWN = [*SHAPES, "free"]


def read(x: Any) -> dict[str, Tensor]:  # noqa: ANN401 - anything that may be given
    return read_columns(x, KNOWN, SHAPES.get, torch.float32)


def test_numbers_become_those_of_the_graph() -> None:
    frozen = np.ones((2, 3))
    frozen.setflags(write=False)
    found = read({"v": frozen[::-1], "image": torch.ones(2, 2, 2).half()})
    assert {name: rows.dtype for name, rows in found.items()} == {
        "v": torch.float32,
        "image": torch.float32,
    }
    whole = read({"label": np.arange(2), "free": np.zeros((2, 9), np.uint8)})
    assert whole["label"].dtype == torch.int64
    assert whole["free"].dtype == torch.uint8


@pytest.mark.parametrize(
    ("x", "message"),
    [
        pytest.param(
            {"vv": np.ones((1, 3))},
            r"x: unknown name 'vv'\. Did you mean 'v'\? Known names: free, im",
            id="unknown",
        ),
        pytest.param({}, r"x: nothing is given\. Expected rows by name", id="nothing"),
        pytest.param(
            torch.ones(2, 3),
            r"x: a Tensor is given.*as in \{'v': rows\}",
            id="no-names",
        ),
        pytest.param(
            {"v": np.ones(3)},
            r"x: 'v' has shape \(3,\)\. Expected \(rows, 3\)\. Fix: x\[None\] for one",
            id="one-item",
        ),
        pytest.param(
            {"v": np.ones((2, 4))},
            r"x: 'v' has shape \(2, 4\)\. Expected \(rows, 3\)\.$",
            id="width",
        ),
        pytest.param(
            {"image": np.ones((2, 4))},
            r"x: 'image' has shape \(2, 4\)\. Expected \(rows, 2, 2\)\.$",
            id="image",
        ),
        pytest.param(
            {"label": np.ones((2, 1))}, r"\(2, 1\)\. Expected \(rows,\)\.", id="label"
        ),
        pytest.param(
            {"free": torch.ones(())},
            r"x: 'free' has shape \(\)\. Expected \(rows, \.\.\.\)",
            id="unknown-shape",
        ),
        pytest.param(
            {"v": [[1.0, 2.0, 3.0]]},
            r"x: 'v' is a list\. Expected a tensor, or an array of numbers, of",
            id="list",
        ),
        pytest.param(
            {"v": np.array([["a", "b", "c"]])}, "x: 'v' is a ndarray of <U1", id="texts"
        ),
        pytest.param(
            {"v": np.ones((2, 3)), "image": np.ones((1, 2, 2))},
            r"x: the rows differ, or there are none \(image: 1, v: 2\)\..* Fix: a row",
            id="rows",
        ),
        pytest.param(
            {"v": np.ones((0, 3))}, r"or there are none \(v: 0\)", id="no-rows"
        ),
    ],
)
def test_what_are_no_rows_is_an_error(x: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(x)


def test_parts_are_put_into_the_order_of_the_rows() -> None:
    parts = [(torch.tensor([2, 0]), torch.tensor([[2], [0]]))]
    whole = assemble("x", [*parts, (torch.tensor([1]), torch.tensor([[1]]))], 3)
    assert (whole.flatten().tolist(), whole.dtype) == ([0, 1, 2], torch.int64)
    holed = assemble("x", parts, 3)
    torch.testing.assert_close(
        holed.flatten(), torch.tensor([0.0, torch.nan, 2.0]), equal_nan=True
    )


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param([], r"outputs: 'x' needs data that no row has\. Fix", id="none"),
        pytest.param(
            [(torch.arange(2), torch.ones(()))],
            r"outputs: 'x' is a Tensor \(\) for 2 rows\. Expected a tensor with a row",
            id="scalar",
        ),
        pytest.param([(torch.arange(2), {})], "'x' is a dict for 2 rows", id="dict"),
    ],
)
def test_what_has_no_rows_is_an_error(parts: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(ConfigError, match=message):
        assemble("x", parts, 2)
