from itertools import pairwise

import pytest
import torch
from torch import nn

from gwbricks.import_shimmer.coder import Coder
from gwbricks.workspace import GWEncoder, LinearCoder


def mlp(*sizes: int, bias: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after, bias), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "sizes", [(3, 5, 4), (3, 5, 5, 4), (3, 5, 5, 5, 4), (5, 5, 5)], ids=str
)
def test_mlp_is_known_by_its_weights(sizes: tuple[int, ...], bias: bool) -> None:
    theirs = mlp(*sizes, bias=bias)
    coder = Coder.of(theirs.state_dict())
    assert coder is not None
    assert (coder.sizes, coder.bias, coder.is_linear) == (sizes, bias, False)
    ours = GWEncoder(sizes[0], sizes[1], sizes[-1], len(sizes) - 3, bias=bias)
    ours.load_state_dict(coder.weights)
    rows = torch.randn(6, sizes[0])
    assert torch.equal(ours(rows), theirs(rows))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("is_nested", [True, False], ids=["sequential", "alone"])
def test_linear_map_is_known_by_its_weights(bias: bool, is_nested: bool) -> None:
    theirs = nn.Linear(3, 4, bias)
    coder = Coder.of((nn.Sequential(theirs) if is_nested else theirs).state_dict())
    assert coder is not None
    assert (coder.sizes, coder.bias, coder.is_linear) == ((3, 4), bias, True)
    ours = LinearCoder(3, 4, bias)
    ours.load_state_dict(coder.weights)
    rows = torch.randn(6, 3)
    assert torch.equal(ours(rows), theirs(rows))


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(nn.Sequential(mlp(3, 5, 4)), id="nested"),
        pytest.param(mlp(3, 5, 6, 4), id="widths-differ"),
        pytest.param(
            nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 4)),
            id="norm",
        ),
        pytest.param(
            nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 4)), id="no-activation"
        ),
        pytest.param(
            nn.Sequential(nn.Linear(3, 5, False), nn.ReLU(), nn.Linear(5, 4)),
            id="one-bias",
        ),
        pytest.param(nn.Conv1d(3, 4, 1), id="convolution"),
        pytest.param(nn.Identity(), id="nothing"),
    ],
)
def test_other_modules_are_not_taken_for_one(module: nn.Module) -> None:
    assert Coder.of(module.state_dict()) is None
