import pytest
import torch
from torch import nn, Tensor

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickMetrics,
    BrickModule,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
    Stage,
)
from gwbricks.errors import UnknownNameError, WiringError


class Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor

    def inverse(self, x: Tensor) -> Tensor:
        return x / self.factor


def scale(
    factor: float, reads: str, writes: str, method: str | None = None
) -> BrickModule:
    return BrickTrainable(Scale(factor), [reads], [writes], method=method)


def run(bricks: dict[str, object], stage: Stage = Stage.TRAIN) -> dict[str, Tensor]:
    return BrickCollection(bricks)({"x": torch.tensor(3.0)}, stage)


def test_a_shared_brick_adds_nothing_to_the_state_dict_and_the_parameters() -> None:
    collection = BrickCollection(
        {"scale": scale(2.0, "x", "y"), "again": BrickShared("scale", ["y"], ["z"])}
    )
    assert list(collection.state_dict()) == ["scale.model.factor"]
    assert len(list(collection.parameters())) == 1
    assert collection({"x": torch.tensor(3.0)}, Stage.TEST)["z"].item() == 12.0


def test_gradients_of_all_places_reach_the_one_weight() -> None:
    bricks = {
        "scale": scale(2.0, "x", "y"),
        "again": BrickShared("scale", ["y"], ["z"]),
    }
    run(bricks)["z"].backward()
    # z = x f^2, so its derivative is 2 x f.
    assert bricks["scale"].model.factor.grad.item() == pytest.approx(2 * 3 * 2)


def test_a_shared_brick_inherits_trainability() -> None:
    frozen = BrickNotTrainable(Scale(2.0), ["x"], ["y"])
    bricks = {
        "before": scale(5.0, "x", "w"),
        "scale": frozen,
        "again": BrickShared("scale", ["w"], ["z"]),
    }
    run(bricks)["z"].backward()
    assert frozen.model.factor.grad is None
    assert bricks["before"].model.factor.grad.item() == pytest.approx(3 * 2)


@pytest.mark.parametrize(
    ("own", "shared", "expected"),
    [
        pytest.param(None, None, 6.0, id="both-the-module"),
        pytest.param(None, "inverse", 1.5, id="another-method"),
        pytest.param("inverse", None, 1.5, id="the-other-bricks-method"),
        pytest.param("inverse", "forward", 6.0, id="back-to-forward"),
    ],
)
def test_calls_its_method_or_what_the_other_brick_calls(
    own: str | None, shared: str | None, expected: float
) -> None:
    bricks = {
        "scale": scale(2.0, "x", "y", method=own),
        "again": BrickShared("scale", ["x"], ["z"], method=shared),
    }
    assert run(bricks)["z"].item() == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("encode", 3.0 * 5, id="own-nest-first"),
        pytest.param("outer", 3.0 * 2, id="outwards"),
        pytest.param("t.encode", 3.0 * 7, id="another-nest"),
        pytest.param("gw.t.encode", 3.0 * 7, id="whole-path"),
    ],
)
def test_is_looked_up_from_its_own_nest_outwards(name: str, expected: float) -> None:
    bricks = {
        "outer": scale(2.0, "x", "a"),
        "encode": scale(11.0, "x", "b"),
        "gw": {
            "v": {
                "encode": scale(5.0, "x", "c"),
                "again": BrickShared(name, ["x"], ["z"]),
            },
            "t": {"encode": scale(7.0, "x", "d")},
        },
    }
    assert run(bricks)["z"].item() == expected


def test_a_brick_of_the_same_name_further_out_is_not_itself() -> None:
    bricks = {
        "encode": scale(2.0, "x", "a"),
        "v": {"encode": BrickShared("encode", ["x"], ["z"])},
    }
    assert run(bricks)["z"].item() == 6.0


def test_the_other_brick_may_be_dead() -> None:
    dead = BrickTrainable(Scale(2.0), ["x"], ["y"], alive_stages="none")
    values = run({"scale": dead, "again": BrickShared("scale", ["x"], ["z"])})
    assert values["z"].item() == 6.0
    assert "y" not in values


def test_a_shared_brick_can_be_a_loss_in_chosen_stages() -> None:
    shared = BrickShared("scale", ["y"], ["z"], ["train"], loss_output_names="all")
    collection = BrickCollection({"scale": scale(2.0, "x", "y"), "again": shared})
    assert collection.loss_names(Stage.TRAIN) == ["z"]
    assert collection.loss_names(Stage.TEST) == []


@pytest.mark.parametrize(
    ("bricks", "message"),
    [
        pytest.param(
            {
                "v": {"encode": scale(1.0, "x", "y")},
                "again": BrickShared("v.encoder", ["x"], ["z"]),
            },
            r"^again\.brick: no brick 'v\.encoder'\. Did you mean 'v\.encode'\?",
            id="not-found",
        ),
        pytest.param(
            {"again": BrickShared("again", ["x"], ["z"])},
            r"^again\.brick: no brick 'again'\. There is none",
            id="itself",
        ),
        pytest.param(
            {
                "v": {"encode": scale(1.0, "x", "y")},
                "again": BrickShared("v", ["x"], ["z"]),
            },
            r"^again\.brick: no brick 'v'\.",
            id="a-nest",
        ),
        pytest.param(
            {
                "metrics": BrickMetrics({}, ["x"]),
                "again": BrickShared("metrics", ["x"], ["z"]),
            },
            r"^again\.brick: 'metrics' is a BrickMetrics\. Expected a brick that holds",
            id="no-module",
        ),
    ],
)
def test_what_cannot_be_shared_is_named(
    bricks: dict[str, object], message: str
) -> None:
    with pytest.raises(WiringError, match=message):
        BrickCollection(bricks)


def test_an_unknown_method_names_the_close_match() -> None:
    shared = BrickShared("scale", ["x"], ["z"], method="invrese")
    with pytest.raises(
        UnknownNameError,
        match=r"method of Scale: unknown name 'invrese'\. Did you mean 'inverse'\?",
    ):
        BrickCollection({"scale": scale(1.0, "x", "y"), "again": shared})


def test_a_shared_brick_cannot_run_on_its_own() -> None:
    shared = BrickShared("scale", ["x"], ["z"])
    with pytest.raises(
        WiringError, match=r"'scale' is found by a BrickCollection\. Fix"
    ):
        shared({"x": torch.tensor(1.0)}, Stage.TEST)


def test_labels_name_the_shared_brick_and_the_method() -> None:
    assert BrickShared("v.encode", ["x"], ["y"]).label == "v.encode"
    assert BrickShared("v", ["x"], ["y"], method="decode").label == "v.decode"


def test_a_loss_can_be_shared() -> None:
    bricks = {
        "loss": BrickLoss(nn.MSELoss(), ["x", "x"], ["a"]),
        "again": BrickShared("loss", ["x", "zero"], ["b"], loss_output_names="all"),
        "zero": BrickNotTrainable(torch.zeros_like, ["x"], ["zero"]),
    }
    assert run(bricks)["b"].item() == 9.0
