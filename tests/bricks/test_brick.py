from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn, Tensor

from gwbricks.bricks import Brick, BrickModule, BrickNotTrainable, Stage
from gwbricks.bricks.names import InputNames
from gwbricks.errors import UnknownNameError, WiringError

DATA = {"x": 1, "y": 2, "v/x": 3, "t/x": 4}


def collect(*args: object, **kwargs: object) -> object:
    return args, kwargs


@pytest.mark.parametrize(
    ("input_names", "args", "kwargs"),
    [
        pytest.param(["y", "x"], (2, 1), {}, id="positional"),
        pytest.param({"x": "a", "y": "b"}, (), {"a": 1, "b": 2}, id="keyword"),
        pytest.param("all", ({"x": 1, "y": 2, "v/x": 3, "t/x": 4},), {}, id="all"),
        pytest.param(["x", "z?"], (1, None), {}, id="optional-missing"),
        pytest.param(["x?"], (1,), {}, id="optional-there"),
        pytest.param({"z?": "a"}, (), {"a": None}, id="optional-keyword"),
        pytest.param(["*/x"], ({"t": 4, "v": 3},), {}, id="pattern"),
        pytest.param({"*/x": "a"}, (), {"a": {"t": 4, "v": 3}}, id="pattern-keyword"),
        pytest.param(["*/z?"], ({},), {}, id="optional-pattern"),
        pytest.param(["stage"], (Stage.TEST,), {}, id="stage"),
        pytest.param([], (), {}, id="nothing"),
    ],
)
def test_reads_its_inputs(
    input_names: InputNames, args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    brick = BrickModule(collect, input_names, ["out"])
    assert brick(DATA, Stage.TEST) == {"out": (args, kwargs)}


@pytest.mark.parametrize("input_names", [["stage"], "all"])
def test_the_callers_own_stage_wins(input_names: InputNames) -> None:
    brick = BrickModule(collect, input_names, ["out"])
    (value,), _ = brick({"stage": "mine"}, Stage.TEST)["out"]
    assert value == ("mine" if input_names == ["stage"] else {"stage": "mine"})


def test_all_leaves_its_own_outputs_out() -> None:
    brick = BrickModule(collect, "all", ["y"])
    assert brick({"x": 1, "y": 2}, Stage.TEST)["y"] == (({"x": 1},), {})


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        pytest.param("imgae", r"'imgae'\. Did you mean 'image'\?", id="name"),
        pytest.param("*/x", r"'\*/x'\. Known names: image\.", id="pattern"),
    ],
)
def test_a_missing_input_names_the_close_match(missing: str, message: str) -> None:
    brick = BrickModule(collect, [missing], ["out"])
    with pytest.raises(UnknownNameError, match=f"input_names: unknown name {message}"):
        brick({"image": 1}, Stage.TEST)


@pytest.mark.parametrize(
    ("output_names", "result", "expected"),
    [
        pytest.param(["a"], 1, {"a": 1}, id="one"),
        pytest.param(["a"], (1, 2), {"a": (1, 2)}, id="one-name-keeps-a-tuple"),
        pytest.param(["a", "b"], (1, 2), {"a": 1, "b": 2}, id="tuple"),
        pytest.param(["a", "b"], [1, 2], {"a": 1, "b": 2}, id="list"),
        pytest.param(["a", "b"], {"b": 2, "a": 1}, {"a": 1, "b": 2}, id="mapping"),
        pytest.param([], 1, {}, id="none"),
    ],
)
def test_names_its_outputs(
    output_names: list[str], result: object, expected: dict[str, object]
) -> None:
    assert BrickModule(lambda: result, [], output_names)({}, Stage.TEST) == expected


def test_wrong_number_of_outputs_is_an_error() -> None:
    with pytest.raises(
        WiringError, match=r"output_names: 2 names \(a, b\) for 3 returned values"
    ):
        BrickModule(lambda: (1, 2, 3), [], ["a", "b"])({}, Stage.TEST)


def test_a_dead_brick_does_nothing() -> None:
    brick = BrickModule(collect, ["missing"], ["out"], alive_stages=["train"])
    assert brick({}, Stage.TEST) == {}
    assert brick.is_alive(Stage.TRAIN)


def test_the_callers_dictionary_is_left_alone() -> None:
    named_inputs = {"x": 1}
    BrickModule(collect, "all", ["out"])(named_inputs, Stage.TEST)
    assert named_inputs == {"x": 1}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("calculate_gradients", [True, False])
def test_gradients_are_on_in_training_only_and_if_wanted(
    stage: Stage, calculate_gradients: bool
) -> None:
    model = nn.Linear(2, 2)
    brick = BrickModule(model, ["x"], ["y"], calculate_gradients=calculate_gradients)
    output = brick({"x": torch.ones(1, 2)}, stage)["y"]
    assert output.requires_grad == (stage is Stage.TRAIN and calculate_gradients)


def build(**changes: Any) -> Brick:
    return BrickModule(
        collect, **{"input_names": ["x"], "output_names": ["y"], **changes}
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"alive_stages": ["trian"]},
            r"alive_stages: unknown name 'trian'\. Did you mean 'train'\?",
            id="stage",
        ),
        pytest.param(
            {"output_names": ["loss_ce"], "loss_output_names": ["loss_se"]},
            r"loss_output_names: unknown name 'loss_se'\. Did you mean 'loss_ce'\?",
            id="loss-output",
        ),
        pytest.param(
            {"loss_output_names": "every"},
            "loss_output_names: unknown name 'every'",
            id="loss-output-as-string",
        ),
        pytest.param(
            {"output_names": ["b", "a", "b"]},
            "output_names: 'b' is given twice",
            id="output-twice",
        ),
        pytest.param(
            {"output_names": "logits"},
            r"output_names: 'logits' is a string\. Fix: \[logits\]",
            id="output-as-string",
        ),
        pytest.param(
            {"input_names": "x"}, r"input_names: 'x' is a string", id="input-as-string"
        ),
        pytest.param(
            {"method": "forwrad"},
            r"method of function: unknown name 'forwrad'",
            id="method",
        ),
    ],
)
def test_what_cannot_be_built_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WiringError, match=message):
        build(**changes)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param("all", ("a", "b"), id="all"),
        pytest.param("none", (), id="none"),
        pytest.param(["b"], ("b",), id="list"),
        pytest.param("b", ("b",), id="one"),
    ],
)
def test_reads_loss_output_names(
    names: list[str] | str, expected: tuple[str, ...]
) -> None:
    brick = build(output_names=["a", "b"], loss_output_names=names)
    assert brick.loss_output_names == expected


def test_the_abstract_brick_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Brick(["x"], ["y"])  # pyright: ignore[reportAbstractUsage] - what is tested


class Coder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale

    def decode(self, x: Tensor) -> Tensor:
        return x / self.scale


def test_calls_the_module_or_its_method() -> None:
    coder, data = Coder(), {"x": torch.tensor(6.0)}
    assert BrickModule(coder, ["x"], ["y"])(data, Stage.TEST)["y"].item() == 12
    decode = BrickModule(coder, ["x"], ["y"], method="decode")
    assert decode(data, Stage.TEST)["y"].item() == 3


def test_an_unknown_method_names_the_close_match() -> None:
    with pytest.raises(
        UnknownNameError,
        match=r"method of Coder: unknown name 'decoed'\. Did you mean 'decode'\?",
    ):
        BrickModule(Coder(), ["x"], ["y"], method="decoed")


@pytest.mark.parametrize(
    ("model", "method", "expected"),
    [
        pytest.param(Coder(), None, "Coder", id="module"),
        pytest.param(Coder(), "decode", "Coder.decode", id="method"),
        pytest.param(collect, None, "collect", id="function"),
    ],
)
def test_labels_name_the_module_and_the_method(
    model: Callable[..., Any], method: str | None, expected: str
) -> None:
    assert BrickModule(model, ["x"], ["y"], method=method).label == expected


def test_an_ordinary_brick_has_no_metrics() -> None:
    assert BrickNotTrainable(collect, [], []).summarize(Stage.TRAIN, reset=True) == {}
