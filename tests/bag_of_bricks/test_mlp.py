from typing import Any

import pytest
import torch
from torch import nn

from gwbricks.bag_of_bricks import MLP, ResidualMLP
from gwbricks.errors import ConfigError, UnknownNameError


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


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_norm_activation_and_dropout_follow_each_linear_map_but_the_last(
    norm: str,
) -> None:
    mlp = MLP(3, 5, 2, 1, activation=nn.PReLU(), norm=norm, dropout=0.1)
    kind = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[norm]
    hidden = [nn.Linear, kind, nn.PReLU, nn.Dropout]
    assert [type(layer) for layer in mlp] == [*hidden, *hidden, nn.Linear]
    assert mlp[2] is not mlp[6]  # each activation learns on its own


def test_maps_need_no_bias() -> None:
    for module in (MLP(3, 5, 2, 1, bias=False), ResidualMLP(3, 5, 2, 1, bias=False)):
        assert not any(name.endswith("bias") for name, _ in module.named_parameters())


def test_residual_blocks_compute_the_formula() -> None:
    module = ResidualMLP(3, 5, 2, 2, activation=nn.Tanh())
    rows = torch.randn(4, 3)
    first, second = (module.get_submodule(f"blocks.{i}.0") for i in range(2))
    x = module.first(rows)
    x = x + torch.tanh(first(x))
    x = x + torch.tanh(second(x))
    expected = module.last(x)
    torch.testing.assert_close(module(rows), expected)


def test_residual_blocks_drop_features_in_training_only() -> None:
    module = ResidualMLP(3, 64, 2, 2, norm="layer", dropout=0.5)
    rows = torch.randn(4, 3)
    assert not torch.equal(module(rows), module(rows))
    module.eval()
    assert torch.equal(module(rows), module(rows))


@pytest.mark.parametrize("kind", [MLP, ResidualMLP])
def test_unknown_norm_names_the_close_match(kind: type[MLP | ResidualMLP]) -> None:
    with pytest.raises(UnknownNameError, match=r"norm: unknown name 'layr'.*'layer'"):
        kind(3, 5, 2, 1, norm="layr")


@pytest.mark.parametrize("kind", [MLP, ResidualMLP])
@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        pytest.param("n_layers", -1, r"n_layers: -1\. Expected 0", id="negative-depth"),
        pytest.param("in_dim", 0, r"in_dim: 0\. Expected 1", id="no-input"),
        pytest.param("hidden_dim", -2, r"hidden_dim: -2\. Expected 1", id="no-width"),
        pytest.param("out_dim", 0, r"out_dim: 0\. Expected 1", id="no-output"),
        pytest.param("dropout", 1.0, r"dropout: 1\.0\. Expected 0", id="all-dropped"),
    ],
)
def test_impossible_sizes_are_named(
    kind: type[MLP | ResidualMLP], argument: str, value: float, message: str
) -> None:
    sizes: dict[str, Any] = {
        "in_dim": 3,
        "hidden_dim": 5,
        "out_dim": 2,
        "n_layers": 1,
        argument: value,
    }
    with pytest.raises(ConfigError, match=message):
        kind(**{**sizes, argument: value})
