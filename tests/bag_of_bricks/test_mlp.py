import pytest
import torch
from torch import nn

from gwbricks.bag_of_bricks import MLP
from gwbricks.errors import ConfigError


@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_has_two_linear_maps_more_than_hidden_layers(n_layers: int) -> None:
    layers = list(MLP(in_dim=3, hidden_dim=5, out_dim=2, n_layers=n_layers))
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    sizes = [(layer.in_features, layer.out_features) for layer in linear]
    assert sizes == [(3, 5), *[(5, 5)] * n_layers, (5, 2)]
    kinds = [type(layer) for layer in layers]
    assert kinds == [*[nn.Linear, nn.ReLU] * (n_layers + 1), nn.Linear]


def test_computes_the_formula() -> None:
    mlp = MLP(in_dim=3, hidden_dim=5, out_dim=2, n_layers=0)
    rows = torch.randn(4, 3)
    first, second = mlp[0], mlp[2]
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)
    hidden = (rows @ first.weight.T + first.bias).clamp(min=0)
    torch.testing.assert_close(mlp(rows), hidden @ second.weight.T + second.bias)


def test_maps_any_leading_axes() -> None:
    mlp = MLP(in_dim=3, hidden_dim=5, out_dim=2, n_layers=0)
    assert mlp(torch.zeros(4, 6, 3)).shape == (4, 6, 2)
    assert mlp(torch.zeros(0, 3)).shape == (0, 2)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        pytest.param("n_layers", -1, r"n_layers: -1\. Expected 0", id="negative-depth"),
        pytest.param("in_dim", 0, r"in_dim: 0\. Expected 1", id="no-input"),
        pytest.param("hidden_dim", -2, r"hidden_dim: -2\. Expected 1", id="no-width"),
        pytest.param("out_dim", 0, r"out_dim: 0\. Expected 1", id="no-output"),
    ],
)
def test_impossible_sizes_are_named(argument: str, value: int, message: str) -> None:
    sizes = {"in_dim": 3, "hidden_dim": 5, "out_dim": 2, "n_layers": 1, argument: value}
    with pytest.raises(ConfigError, match=message):
        MLP(**sizes)
