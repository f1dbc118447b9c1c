from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn, Tensor

from gwbricks.config.instantiate import instantiate
from gwbricks.errors import ConfigError

NAMES = ("a", "b", "c", "d")


def linear(size: int = 2) -> dict[str, Any]:
    return {"_target_": "torch.nn.Linear", "in_features": size, "out_features": 3}


def weight(module: nn.Module) -> Tensor:
    return module.state_dict()["weight"]


@given(names=st.permutations(NAMES), seed=st.integers(0, 2**31))
def test_order_of_keys_does_not_change_weights(names: list[str], seed: int) -> None:
    given = instantiate({name: linear() for name in NAMES}, "x", seed)
    shuffled = instantiate({name: linear() for name in names}, "x", seed)
    assert all(torch.equal(weight(given[n]), weight(shuffled[n])) for n in NAMES)


@given(others=st.sets(st.sampled_from(NAMES)), size=st.integers(1, 5))
def test_what_else_is_built_does_not_change_weights(
    others: set[str], size: int
) -> None:
    alone = instantiate(linear(), "x.own", 0)
    nodes = {"own": linear(), **{name: linear(size) for name in others}}
    beside = instantiate(nodes, "x", 0)["own"]
    assert torch.equal(weight(alone), weight(beside))


def test_weights_depend_on_the_key_and_the_seed() -> None:
    made = [
        instantiate(linear(), key, seed) for key, seed in (("x", 0), ("y", 0), ("x", 1))
    ]
    first, *others = map(weight, made)
    assert not any(torch.equal(first, other) for other in others)


def test_random_draws_of_the_caller_go_on_as_if_nothing_were_built() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    instantiate(linear(), "x", 7)
    assert torch.equal(torch.rand(3), expected)


def test_values_and_lists_stay_and_nodes_inside_them_are_built() -> None:
    made = instantiate({"n": 3, "list": [1, linear(), None]}, "x", 0)
    assert made["n"] == 3
    assert made["list"][::2] == [1, None]
    assert torch.equal(
        weight(made["list"][1]), weight(instantiate(linear(), "x.list.1", 0))
    )


def test_partial_and_positional_arguments() -> None:
    node = {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.5}
    made = instantiate(node, "optimizer", 0)
    assert isinstance(made, partial)
    assert made([nn.Parameter(torch.zeros(1))]).defaults["lr"] == 0.5
    layers = {"_target_": "torch.nn.Sequential", "_args_": [linear(), linear()]}
    assert len(instantiate(layers, "x", 0)) == 2


def test_the_configs_own_arguments_win_over_those_that_are_filled_in() -> None:
    extra = {"out_features": 5, "bias": False}
    made = instantiate(linear(), "x", 0, extra=extra)
    assert (made.out_features, made.bias) == (3, None)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        pytest.param(
            {"model": {**linear(), "in_features": "two"}},
            r"^x\.model: torch\.nn\.Linear cannot be built: ",
            id="torch",
        ),
        pytest.param(
            {"inner": {"a": {"_target_": "os.system"}}},
            r"^x\.inner\.a\._target_: 'os\.system' is not allowed",
            id="own-key-once",
        ),
        pytest.param(
            {
                "_target_": "gwbricks.bag_of_bricks.resnet_to_brick",
                "resnet": {"_target_": "torch.nn.Identity"},
                "input_name": "a",
                "output_name": "b",
            },
            r"^x: .*ResNet",
            id="our-error-gets-a-key",
        ),
    ],
)
def test_error_names_the_key_of_what_cannot_be_built(
    node: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        instantiate(node, "x", 0)
