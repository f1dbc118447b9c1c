import pytest
import torch

from gwbricks.bricks.files.fitting import check_fit, Weights
from gwbricks.errors import CheckpointError

OWN: Weights = {"head": {"weight": torch.zeros(3, 2), "count": torch.tensor(1)}}


def saved(**changed: torch.Tensor | None) -> Weights:
    tensors = {**OWN["head"], **changed}
    return {"head": {name: x for name, x in tensors.items() if x is not None}}


def test_same_names_and_shapes_fit() -> None:
    check_fit(saved(), OWN, "file")
    check_fit(saved(weight=torch.ones(3, 2, dtype=torch.float64)), OWN, "file")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        pytest.param(
            saved(weight=torch.zeros(2, 3)),
            r"^file: the weights do not fit, in 1 place:\n"
            r"  head: weight is \(2, 3\) float32, expected \(3, 2\) float32\n  Fix: re",
            id="shape",
        ),
        pytest.param(
            saved(count=torch.tensor(1.0)),
            r"head: count is \(\) float32, expected \(\) int64",
            id="kind-of-number",
        ),
        pytest.param(
            saved(weight=None, weights=torch.zeros(3, 2)),
            r"in 2 places:\n  head: no tensor 'weight' is saved \(is it 'weights'\?\)\n"
            r"  head: the saved tensor 'weights' is for nothing \(is it 'weight'\?\)",
            id="name",
        ),
        pytest.param({}, r"  no brick 'head' is saved\n  Fix", id="no-brick"),
        pytest.param(
            {**saved(), "x": {}}, r"  the saved brick 'x' is for noth", id="extra-brick"
        ),
    ],
)
def test_what_differs_is_listed(found: Weights, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        check_fit(found, OWN, "file")
