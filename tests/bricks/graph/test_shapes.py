from typing import Any

import pytest
import torch
from torch import nn, Tensor
from torchmetrics import MeanMetric

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickMetricSingle,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
    LossOutput,
    Stage,
)
from gwbricks.errors import UnknownNameError, WiringError


class Counter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x


def model() -> BrickCollection:
    layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), Counter())
    return BrickCollection(
        {
            "v": {
                "encode": BrickTrainable(layers, ["../x"], ["./latent"]),
                "again": BrickShared("encode", ["../x"], ["./again"]),
            },
            "hidden": BrickNotTrainable(lambda x: x.tolist(), ["x"], ["rows"]),
            "kept": BrickNotTrainable(lambda y: y[y[:, 0] > 0], ["x"], ["kept"]),
            "half": BrickNotTrainable(nn.Identity(), ["kept"], ["kept_too"]),
            "noise": BrickNotTrainable(
                lambda x: int(torch.rand(9)[0] * 0) + 1, ["x"], ["n"]
            ),
            "mean": BrickMetricSingle(MeanMetric(), ["x"]),
            "loss": BrickLoss(
                lambda y, t: LossOutput(
                    nn.functional.cross_entropy(y, t), {"n": t.sum()}
                ),
                ["v/latent", "t"],
                ["loss"],
            ),
        }
    )


X = torch.tensor([[1.0, 2.0, 3.0], [-1.0, 2.0, 3.0], [4.0, 2.0, 3.0], [1.0, 0.0, 0.0]])
INPUTS = {"x": X, "t": torch.tensor([0, 1, 2, 3])}


def described(values: dict[str, Any]) -> dict[str, Any]:
    values = {n: v.loss if isinstance(v, LossOutput) else v for n, v in values.items()}
    return {
        name: (tuple(value.shape), value.dtype) if isinstance(value, Tensor) else value
        for name, value in values.items()
    }


@pytest.mark.parametrize("stage", [Stage.TRAIN, Stage.INFERENCE])
@pytest.mark.parametrize("outputs", [None, ["v/again", "kept_too"]])
def test_shapes_are_those_of_running(stage: Stage, outputs: list[str] | None) -> None:
    traced = model().trace_shapes(INPUTS, stage, outputs)
    values = model()(INPUTS, stage, outputs=outputs)
    assert described(traced) == described(values)
    assert all(v.is_meta for v in traced.values() if isinstance(v, Tensor))


def test_nothing_is_changed_by_it() -> None:
    collection = model()
    before = {name: x.clone() for name, x in collection.state_dict().items()}
    versions = [x._version for x in collection.state_dict().values()]
    random = torch.get_rng_state()
    collection.trace_shapes(INPUTS, Stage.TRAIN)
    torch.testing.assert_close(collection.state_dict(), before, rtol=0, atol=0)
    assert [x._version for x in collection.state_dict().values()] == versions
    assert torch.equal(torch.get_rng_state(), random)
    assert collection.summarize(Stage.TRAIN, reset=False) == {}
    assert [m.calls for m in collection.modules() if isinstance(m, Counter)] == [0]
    assert all(p.grad is None for p in collection.parameters())
    assert collection.training
    assert torch.is_grad_enabled()


def test_data_need_not_be_there() -> None:
    empty = {name: x.to("meta") for name, x in INPUTS.items()}
    traced = model().trace_shapes(empty, Stage.TRAIN, ["v/again", "loss", "rows"])
    assert traced["v/again"].shape == (4, 4)
    assert traced["loss"].loss.shape == ()
    assert traced["loss"].metrics["n"].dtype == torch.int64
    assert len(traced["rows"]) == 4  # of zeros


def test_shapes_can_be_traced_on_from_traced_values() -> None:
    bricks = {"a": BrickTrainable(nn.Linear(3, 2), ["x"], ["y"])}
    traced = BrickCollection(bricks).trace_shapes({"x": X}, Stage.TEST)
    more = BrickCollection({"b": BrickNotTrainable(torch.sum, ["y"], ["z"])})
    assert more.trace_shapes({"y": traced["y"]}, Stage.TEST)["z"].shape == ()


def test_nothing_large_is_computed() -> None:
    huge = {"x": torch.empty(10**7, 10**4, device="meta")}
    bricks = {"a": BrickTrainable(nn.Linear(10**4, 7), ["x"], ["y"])}
    traced = BrickCollection(bricks).trace_shapes(huge, Stage.TRAIN)
    assert traced["y"].shape == (10**7, 7)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_mismatch_names_the_brick_and_what_it_read(
    device: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bricks = {
        "first": BrickTrainable(nn.Linear(3, 4), ["x"], ["y"]),
        "gw": {"second": BrickTrainable(nn.Linear(5, 6), ["y"], ["z"])},
    }
    with pytest.raises(
        WiringError, match=r"^gw\.second: .* It read y \(4, 4\) float32\.$"
    ):
        BrickCollection(bricks).trace_shapes({"x": X.to(device)}, Stage.TEST)
    assert capfd.readouterr() == ("", "")


def test_wording_of_a_note_does_not_matter_to_what_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gwbricks.bricks.graph.step.NOTE", "{path} failed on {read}.")
    bricks = {"first": BrickTrainable(nn.Linear(4, 3), ["x"], ["y"])}
    with pytest.raises(WiringError, match=r"^first: .* It read x \(4, 3\) float32\.$"):
        BrickCollection(bricks).trace_shapes({"x": X}, Stage.TEST)


def test_names_that_do_not_fit_are_the_errors_of_running() -> None:
    with pytest.raises(UnknownNameError, match=r"loss\.input_names: .*'t'"):
        model().trace_shapes({"x": X}, Stage.TRAIN)
    two = BrickCollection({"a": BrickNotTrainable(nn.Identity(), ["x"], ["y", "z"])})
    with pytest.raises(WiringError, match=r"^a\.output_names: 2 names .* 1 returned"):
        two.trace_shapes({"x": X}, Stage.TEST)


def test_a_picture_shows_them() -> None:
    collection = model()
    text = collection.draw(shapes=collection.trace_shapes(INPUTS, Stage.TRAIN))
    assert "<b>x</b><br/><i>4x3</i>" in text
    assert "<i>4 int64</i>" in text
    assert "→ loss <i>scalar</i>" in text
    assert "→ rows" in text
