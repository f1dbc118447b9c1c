import pickle
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn, Tensor

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
    Stage,
)

X = torch.randn(5, 3)


def linear(reads: str, writes: str) -> BrickTrainable:
    return BrickTrainable(nn.Linear(3, 3), [reads], [writes])


def chain() -> BrickCollection:
    return BrickCollection(
        {
            "encode": linear("x", "latent"),
            "nest": {
                "decode": linear("latent", "y"),
                "again": BrickShared("encode", ["y"], ["z"]),
            },
            "loss": BrickLoss(nn.MSELoss(), ["y", "x"], ["loss"]),
        }
    )


def module_of(collection: BrickCollection, path: str) -> nn.Linear:
    brick = collection.flat()[path]
    assert isinstance(brick, BrickTrainable)
    return brick.model


def nest_of(collection: BrickCollection, name: str) -> BrickCollection:
    nest = collection[name]
    assert isinstance(nest, BrickCollection)
    return nest


def test_runs_the_formula() -> None:
    collection = chain()
    encode, decode = (module_of(collection, n) for n in ("encode", "nest.decode"))
    values = collection({"x": X}, Stage.TRAIN)
    y = decode(encode(X))
    torch.testing.assert_close(values["y"], y)
    torch.testing.assert_close(values["z"], encode(y))
    torch.testing.assert_close(values["loss"], (y - X).square().mean())


def test_the_callers_dictionaries_are_left_alone() -> None:
    bricks = {"nest": {"encode": linear("x", "latent")}}
    named_inputs = {"x": X}
    BrickCollection(bricks)(named_inputs, Stage.TRAIN)
    assert list(named_inputs) == ["x"]
    assert isinstance(bricks["nest"], dict)


@pytest.mark.parametrize(
    ("return_inputs", "expected"),
    [
        pytest.param(True, ["x", "latent"], id="with-inputs"),
        pytest.param(False, ["latent"], id="without"),
    ],
)
def test_returns_inputs_if_wanted_and_never_the_stage(
    return_inputs: bool, expected: list[str]
) -> None:
    collection = BrickCollection({"encode": linear("x", "latent")})
    values = collection({"x": X}, Stage.TEST, return_inputs=return_inputs)
    assert list(values) == expected


def test_returning_no_inputs_works_where_no_brick_is_alive() -> None:
    dead = BrickTrainable(nn.Identity(), ["x"], ["y"], alive_stages="none")
    collection = BrickCollection({"dead": dead})
    assert collection({"x": X}, Stage.TEST, return_inputs=False) == {}


@pytest.mark.parametrize("stage", Stage)
def test_gradients_are_calculated_in_training_only(stage: Stage) -> None:
    assert chain()({"x": X}, stage)["y"].requires_grad == (stage is Stage.TRAIN)


def test_gradients_stay_off_where_the_caller_turned_them_off() -> None:
    with torch.no_grad():
        assert not chain()({"x": X}, Stage.TRAIN)["y"].requires_grad


def test_gradients_are_left_on_afterwards() -> None:
    chain()({"x": X}, Stage.TEST)
    assert torch.is_grad_enabled()


def test_gradients_can_be_limited_to_some_outputs() -> None:
    collection = BrickCollection(
        {
            "trunk": linear("x", "latent"),
            "trained": linear("latent", "a"),
            "watched": linear("latent", "b"),
        }
    )
    values = collection.run({"x": X}, Stage.TRAIN, gradients_to=["a"])
    wants = {name: value.requires_grad for name, value in values.items()}
    assert wants == {"latent": True, "a": True, "b": False}


def test_nested_dictionaries_become_nested_collections_and_back() -> None:
    brick = linear("x", "latent")
    collection = BrickCollection({"gw": {"v": {"encode": brick}}})
    assert isinstance(nest_of(collection, "gw")["v"], BrickCollection)
    assert collection.flat() == {"gw.v.encode": brick}
    assert collection.to_dict() == {"gw": {"v": {"encode": brick}}}
    assert list(collection.state_dict()) == [
        "gw.v.encode.model.weight",
        "gw.v.encode.model.bias",
    ]


def test_a_collection_inside_a_collection_works_too() -> None:
    inner = BrickCollection({"encode": linear("x", "latent")})
    collection = BrickCollection({"gw": inner, "decode": linear("latent", "y")})
    assert collection({"x": X}, Stage.TEST)["y"].shape == X.shape
    assert collection["gw"] is inner


def test_the_shared_weights_of_a_collection_can_be_saved_and_loaded() -> None:
    first, second = chain(), chain()
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(
        second({"x": X}, Stage.TEST), first({"x": X}, Stage.TEST)
    )


def by_pickle(collection: BrickCollection) -> BrickCollection:
    return pickle.loads(pickle.dumps(collection))


@pytest.mark.parametrize("copy", [deepcopy, by_pickle])
def test_a_copy_is_independent(
    copy: Callable[[BrickCollection], BrickCollection],
) -> None:
    collection = chain()
    before = collection({"x": X}, Stage.TEST)
    copied = copy(collection)
    torch.testing.assert_close(copied({"x": X}, Stage.TEST), before)
    with torch.no_grad():
        module_of(copied, "encode").weight.zero_()
        module_of(copied, "encode").bias.zero_()
    changed = copied({"x": X}, Stage.TEST)
    assert changed["latent"].abs().sum() == 0
    assert changed["z"].abs().sum() == 0  # the shared brick follows its own copy
    torch.testing.assert_close(collection({"x": X}, Stage.TEST), before)


def test_running_a_collection_does_not_change_what_is_pickled() -> None:
    collection = chain()
    before = pickle.dumps(collection)
    collection({"x": X}, Stage.TEST)
    assert len(pickle.dumps(collection)) == len(before)


def test_checks_are_made_once_and_not_at_every_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collection, checks = chain(), []
    monkeypatch.setattr(collection, "check", lambda: checks.append(1))
    for _ in range(3):
        collection({"x": X}, Stage.TEST)
    assert checks == []


class Recorder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        pytest.param(None, [1, 1, 1], id="all"),
        pytest.param(["a"], [1, 0, 0], id="first"),
        pytest.param(["c"], [1, 0, 1], id="branch"),
        pytest.param([], [0, 0, 0], id="nothing"),
    ],
)
def test_only_what_the_wanted_outputs_need_is_called(
    outputs: list[str] | None, expected: list[int]
) -> None:
    models = [Recorder(), Recorder(), Recorder()]
    reads = {"a": "x", "b": "a", "c": "a"}
    bricks = {
        name: BrickNotTrainable(model, [reads[name]], [name])
        for name, model in zip(reads, models, strict=True)
    }
    BrickCollection(bricks)({"x": X}, Stage.TEST, outputs=outputs)
    assert [model.calls for model in models] == expected


def test_any_value_can_be_passed_between_bricks() -> None:
    made: list[Any] = [object(), None, {"a": 1}]
    bricks = {
        "make": BrickNotTrainable(lambda: made, [], ["a", "b", "c"]),
        "read": BrickNotTrainable(lambda *values: list(values), ["a", "b", "c"], ["y"]),
    }
    assert BrickCollection(bricks)({}, Stage.EXPORT)["y"] == made
