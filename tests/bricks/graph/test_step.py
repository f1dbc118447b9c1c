import pickle

import pytest
import torch
from torch import nn

from gwbricks.bricks import BrickCollection, BrickNotTrainable, BrickTrainable, Stage
from gwbricks.bricks.graph.step import failure_notes, FailureNote, NOTE, was_read
from gwbricks.errors import WiringError


def fail(*values: object) -> None:
    raise RuntimeError(f"cannot handle {len(values)} value(s)")


def notes_of(brick: BrickNotTrainable, named_inputs: dict[str, object]) -> list[str]:
    collection = BrickCollection({"gw": {"head": brick}})
    with pytest.raises(RuntimeError, match="cannot handle") as caught:
        collection(named_inputs, Stage.INFERENCE)
    return caught.value.__notes__


def test_an_error_in_a_module_says_which_brick_and_what_it_read() -> None:
    brick = BrickNotTrainable(fail, ["x", "y?", "*/z", "note"], ["out"])
    inputs = {"x": torch.zeros(2, 3), "v/z": torch.ones(1).long(), "note": "hello"}
    assert notes_of(brick, inputs) == [
        "in brick 'gw.head', which read x (2, 3) float32, v/z (1,) int64, note str"
    ]


def test_an_error_in_a_module_that_reads_nothing_says_so() -> None:
    assert notes_of(BrickNotTrainable(fail, [], ["out"]), {}) == [
        "in brick 'gw.head', which read nothing"
    ]


def failure_in(bricks: BrickCollection) -> RuntimeError:
    with pytest.raises(RuntimeError, match="cannot handle") as caught:
        bricks({"x": torch.zeros(2, 3)}, Stage.INFERENCE)
    return caught.value


@pytest.mark.parametrize("wording", [NOTE, "{read} was too much for {path!r}"])
def test_a_note_has_fields_whatever_its_words(
    wording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gwbricks.bricks.graph.step.NOTE", wording)
    error = failure_in(
        BrickCollection({"gw": {"head": BrickNotTrainable(fail, ["x"], [])}})
    )
    error.add_note("a note of somebody else")
    for found in (error, pickle.loads(pickle.dumps(error))):
        (note,) = failure_notes(found)
        assert (note.path, note.read) == ("gw.head", "x (2, 3) float32")
        assert note == wording.format(path=note.path, read=note.read)
        assert was_read(found) == note.read


def test_a_failure_in_a_brick_of_a_brick_names_both() -> None:
    inner = BrickCollection({"inner": BrickNotTrainable(fail, ["x"], [])})
    outer = BrickNotTrainable(lambda x: inner({"x": x + 1}, Stage.TEST), ["x"], ["y"])
    error = failure_in(BrickCollection({"outer": outer}))
    assert [note.path for note in failure_notes(error)] == ["inner", "outer"]
    read = "x (2, 3) float32"
    assert was_read(error) == f"{read} {FailureNote('outer', read)}"


def test_an_error_outside_of_bricks_has_no_such_note() -> None:
    error = ValueError("no")
    error.add_note("in brick 'a', which read b")
    assert failure_notes(error) == []
    assert was_read(error) == "nothing"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        pytest.param(
            (1, 2, 3), r"2 names \(logits, loss\) for 3 returned values", id="more"
        ),
        pytest.param((1,), r"for 1 returned value\. Fix: name each", id="fewer"),
        pytest.param(5, "for 1 returned value", id="no-tuple"),
        pytest.param({"logits": 1}, "for 1 returned value", id="mapping"),
    ],
)
def test_wrong_number_of_outputs_names_brick_and_key(
    result: object, message: str
) -> None:
    brick = BrickNotTrainable(lambda: result, [], ["logits", "loss"])
    collection = BrickCollection({"head": brick})
    with pytest.raises(WiringError, match=rf"^head\.output_names: .*{message}"):
        collection({}, Stage.INFERENCE)


def test_steps_are_ready_to_run_in_order() -> None:
    collection = BrickCollection(
        {
            "a": BrickTrainable(nn.Identity(), ["y"], ["z"]),
            "b": BrickTrainable(nn.Identity(), ["x"], ["y"]),
            "unneeded": BrickTrainable(nn.Identity(), ["x"], ["other"]),
        }
    )
    values = {"x": torch.ones(1)}
    steps = collection.steps(Stage.EXPORT, values, outputs=["z"])
    assert [step.path for step in steps] == ["b", "a"]
    for step in steps:
        values |= step.run(values, Stage.EXPORT)
    assert values["z"] is values["x"]
