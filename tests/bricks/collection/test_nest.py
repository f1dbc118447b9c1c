import pickle
from collections.abc import Callable
from copy import copy, deepcopy
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
from gwbricks.bricks.names import InputNames
from gwbricks.errors import UnknownNameError, WiringError

X = torch.randn(5, 3)


def collect(*values: object, **named: object) -> tuple[object, ...]:
    return (*values, *sorted(named.items()))


def brick(reads: InputNames, writes: list[str], **settings: Any) -> BrickNotTrainable:
    return BrickNotTrainable(collect, reads, writes, **settings)


def domain() -> dict[str, Any]:
    return {
        "encode": BrickTrainable(nn.Linear(3, 3), ["../x"], ["./latent"]),
        "again": BrickShared("encode", ["./latent"], ["./code"]),
        "loss": BrickLoss(nn.MSELoss(), ["./code", "../x"], ["./loss"]),
    }


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        pytest.param(["./a", "../x"], (1, 2), id="list"),
        pytest.param({"./a": "p", "../x": "q"}, (("p", 1), ("q", 2)), id="mapping"),
        pytest.param(["./*"], ({"a": 1},), id="pattern"),
        pytest.param(["../*/a"], ({"v": 1, "w": 3},), id="pattern-of-the-nest-around"),
        pytest.param(["./b?", "../x?"], (None, 2), id="optional"),
        pytest.param(["./*/none?"], ({},), id="optional-pattern"),
        pytest.param(["../../gw/v/a", "gw/x"], (1, 2), id="full"),
    ],
)
def test_relative_names_are_read_from_the_nest(
    reads: InputNames, expected: tuple[object, ...]
) -> None:
    collection = BrickCollection({"gw": {"v": {"a": brick(reads, ["y"])}}})
    data = {"gw/v/a": 1, "gw/x": 2, "gw/w/a": 3}
    assert collection(data, Stage.TEST)["y"] == expected


def test_relative_outputs_and_losses_get_full_names() -> None:
    collection = BrickCollection({"v": domain(), "t": domain()}, inputs=["x"])
    values = collection({"x": X}, Stage.TRAIN)
    names = {f"{d}/{name}" for d in "vt" for name in ("latent", "code", "loss")}
    assert values.keys() == {"x", *names}
    assert collection.loss_names() == ["t/loss", "v/loss"]
    assert collection.extract_losses(values) == {
        n: values[n] for n in ("v/loss", "t/loss")
    }
    assert collection.required_inputs(Stage.TRAIN) == {"x"}


def test_full_names_are_those_of_the_flat_bricks_and_the_module_is_the_same() -> None:
    bricks = domain()
    flat = BrickCollection({"v": bricks}).flat()["v.encode"]
    assert flat.wires == "x -> v/latent"
    assert flat.function is bricks["encode"].model
    assert bricks["encode"].wires == "../x -> ./latent"


def test_one_brick_can_be_in_two_places_and_two_collections() -> None:
    shared = brick(["./x"], ["./y"])
    both = BrickCollection({"v": {"a": shared}, "t": {"a": shared}})
    other = BrickCollection({"a": shared})
    assert both({"v/x": 1, "t/x": 2}, Stage.TEST, return_inputs=False) == {
        "t/y": (2,),
        "v/y": (1,),
    }
    assert other({"x": 3}, Stage.TEST)["y"] == (3,)
    assert (shared.wires, shared.output_names) == ("./x -> ./y", ("./y",))


@pytest.mark.parametrize("name", ["../x", "./../x", ".././../x"])
def test_a_name_that_leads_out_of_the_collection_is_an_error(name: str) -> None:
    with pytest.raises(
        WiringError, match=rf"^a: the name '{name}' leads out of the collection\. Fix:"
    ):
        BrickCollection({"a": brick([name], ["y"])})


def test_a_nest_that_reads_from_around_it_can_be_shown_and_switched() -> None:
    collection = BrickCollection({"v": domain()})
    assert not collection.eval().train(False).training
    assert "../x -> ./latent" in repr(collection["v"])


def test_frozen_modules_with_relative_names_stay_in_eval_mode() -> None:
    frozen = BrickNotTrainable(nn.Dropout(), ["./x"], ["./y"])
    collection = BrickCollection({"v": {"a": frozen}}).train()
    values = collection({"v/x": X}, Stage.TRAIN)
    torch.testing.assert_close(values["v/y"], X)


def test_a_brick_with_relative_names_can_be_replaced_again_and_again() -> None:
    collection = BrickCollection({"a": brick([], ["./y"])})
    for value in range(20):  # an id of a module that is gone is soon given again
        del collection["a"]
        collection["a"] = BrickNotTrainable(lambda v=value: v, [], ["./y"])
        assert collection({}, Stage.TEST) == {"y": value}


def by_pickle(collection: BrickCollection) -> BrickCollection:
    return pickle.loads(pickle.dumps(collection))


@pytest.mark.parametrize("make_copy", [copy, deepcopy, by_pickle])
def test_a_copy_runs_its_own_bricks(
    make_copy: Callable[[BrickCollection], BrickCollection],
) -> None:
    collection = BrickCollection({"v": domain(), "n": brick(["x"], ["n"])})
    before = collection({"x": X}, Stage.TEST)
    copied = make_copy(collection)
    copied["v"] = {"encode": BrickNotTrainable(nn.Identity(), ["../x"], ["./latent"])}
    assert copied({"x": X}, Stage.TEST)["v/latent"] is X
    torch.testing.assert_close(collection({"x": X}, Stage.TEST), before)


@pytest.mark.parametrize(
    ("stage", "bricks", "expected"),
    [
        pytest.param(None, None, {"v.encode", "v.again", "v.loss", "n"}, id="all"),
        pytest.param(Stage.EXPORT, None, {"v.encode", "v.again", "n"}, id="stage"),
        pytest.param(None, ["n"], {"n"}, id="brick"),
        pytest.param(
            Stage.EXPORT, ["v"], {"v.encode", "v.again"}, id="nest-in-a-stage"
        ),
        pytest.param(None, [], set(), id="nothing"),
    ],
)
def test_a_sub_collection_has_the_chosen_bricks_and_the_same_modules(
    stage: Stage | None, bricks: list[str] | None, expected: set[str]
) -> None:
    collection = BrickCollection({"v": domain(), "n": brick(["x"], ["n"])}, ["x"])
    part = collection.sub_collection(stage, bricks)
    assert part.flat().keys() == expected
    assert {id(p) for p in part.parameters()} <= {
        id(p) for p in collection.parameters()
    }
    values = part({"x": X}, Stage.EXPORT)
    known = collection({"x": X}, Stage.EXPORT)
    torch.testing.assert_close(values, {name: known[name] for name in values})


def test_a_sub_collection_of_a_stage_need_not_fit_other_stages() -> None:
    bricks = {
        "flip": brick(["x"], ["y"], alive_stages=["train"]),
        "keep": brick(["x"], ["y"], alive_stages=["test"]),
        "head": brick(["y"], ["z"], alive_stages=["train", "test"]),
    }
    part = BrickCollection(bricks, inputs=["x"]).sub_collection(Stage.TEST)
    assert part({"x": 1}, Stage.TEST)["z"] == ((1,),)


def test_a_sub_collection_does_not_share_another_module_than_before() -> None:
    bricks = {
        "encode": BrickNotTrainable(lambda x: -x, ["x"], ["y"]),
        "v": {
            "encode": BrickNotTrainable(lambda x: x, ["x"], ["./y"]),
            "again": BrickShared("encode", ["y"], ["z"]),
        },
    }
    with pytest.raises(
        WiringError,
        match=r"^v\.again\.brick: 'v\.encode', which it shares, is left out",
    ):
        BrickCollection(bricks).sub_collection(bricks=["encode", "v.again"])


def test_a_sub_collection_of_an_unknown_brick_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match=r"bricks: .*'w'.* Known names: n, v"):
        BrickCollection({"v": domain(), "n": brick([], ["n"])}).sub_collection(
            bricks=["w"]
        )


def test_changing_a_sub_collection_leaves_the_collection_alone() -> None:
    collection = BrickCollection({"v": domain()})
    part = collection.sub_collection()
    del part["v"]
    assert collection({"x": X}, Stage.TRAIN)["v/loss"].requires_grad


def test_the_collection_can_be_moved_to_another_type() -> None:
    collection = BrickCollection({"v": domain()}).double()
    latent: Tensor = collection({"x": X.double()}, Stage.TEST)["v/latent"]
    assert latent.dtype == torch.float64
