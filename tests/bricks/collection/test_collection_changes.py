from collections.abc import Callable

import pytest
import torch
from torch import nn

from gwbricks.bricks import (
    Brick,
    BrickCollection,
    BrickLoss,
    BrickShared,
    BrickTrainable,
    Stage,
)
from gwbricks.errors import UnknownNameError, WiringError

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


def nest_of(collection: BrickCollection, name: str) -> BrickCollection:
    nest = collection[name]
    assert isinstance(nest, BrickCollection)
    return nest


def replace(collection: BrickCollection, brick: Brick) -> None:
    collection["encode"] = brick


def update(collection: BrickCollection, brick: Brick) -> None:
    collection.update({"encode": brick})


@pytest.mark.parametrize("change", [replace, update])
def test_a_replaced_brick_is_run(change: Callable[..., None]) -> None:
    collection = chain()
    collection({"x": X}, Stage.TEST)
    change(collection, BrickTrainable(nn.Identity(), ["x"], ["latent"]))
    assert collection({"x": X}, Stage.TEST)["latent"] is X


@pytest.mark.parametrize("change", [replace, update])
def test_a_replacement_that_does_not_fit_is_refused(
    change: Callable[..., None],
) -> None:
    collection = chain()
    encode = collection["encode"]
    with pytest.raises(WiringError, match=r"'y' has two writers .*'encode' already"):
        change(collection, linear("x", "y"))
    assert collection["encode"] is encode
    assert collection({"x": X}, Stage.TEST).keys() == {"x", "latent", "y", "z", "loss"}


def test_an_update_is_made_as_a_whole_or_not_at_all() -> None:
    collection = chain()
    with pytest.raises(WiringError, match=r"bricks\.bad: Linear is not a brick"):
        collection.update({"good": linear("x", "g"), "bad": nn.Linear(3, 3)})
    assert "good" not in collection


def test_an_added_brick_is_run_and_a_removed_one_is_not() -> None:
    collection = chain()
    collection({"x": X}, Stage.TEST)
    collection["head"] = linear("latent", "logits")
    assert "logits" in collection({"x": X}, Stage.TEST)
    collection.pop("head")
    assert "logits" not in collection({"x": X}, Stage.TEST)


def test_a_dictionary_can_be_added_as_a_nest() -> None:
    collection = chain()
    collection["probes"] = {"first": linear("latent", "logits")}
    assert "probes.first" in collection.flat()
    assert "logits" in collection({"x": X}, Stage.TEST)


def test_removing_what_others_read_is_an_error_at_every_later_call() -> None:
    collection = BrickCollection(
        {"encode": linear("x", "latent"), "decode": linear("latent", "y")}
    )
    collection({"x": X}, Stage.TEST)
    del collection["encode"]
    for _ in range(2):
        with pytest.raises(UnknownNameError, match=r"decode\.input_names: .*'latent'"):
            collection({"x": X}, Stage.TEST)


def test_removing_what_others_share_is_an_error_at_every_later_call() -> None:
    collection = chain()
    collection["middle"] = linear("x", "latent2")
    del collection["encode"]
    for _ in range(2):
        with pytest.raises(WiringError, match=r"nest\.again\.brick: no brick 'encode'"):
            collection({"x": X}, Stage.TEST, outputs=["latent2"])


def test_a_brick_in_a_nest_that_shares_from_outside_can_be_replaced() -> None:
    collection = chain()
    collection({"x": X}, Stage.TEST)
    nest_of(collection, "nest")["decode"] = BrickTrainable(
        nn.Identity(), ["latent"], ["y"]
    )
    values = collection({"x": X}, Stage.TEST)
    assert values["y"] is values["latent"]


def test_a_brick_in_a_nest_that_does_not_fit_is_found_when_it_is_run() -> None:
    collection = chain()
    nest_of(collection, "nest")["extra"] = linear("x", "latent")
    with pytest.raises(WiringError, match="'latent' has two writers"):
        collection({"x": X}, Stage.TEST)


def test_renaming_a_shared_brick_in_a_nest_is_noticed() -> None:
    collection = BrickCollection(
        {"v": {"a": linear("x", "y")}, "again": BrickShared("v.a", ["x"], ["z"])}
    )
    collection({"x": X}, Stage.TEST)
    nest = nest_of(collection, "v")
    nest["b"] = nest.pop("a")
    with pytest.raises(WiringError, match=r"again\.brick: no brick 'v\.a'"):
        collection({"x": X}, Stage.TEST)
