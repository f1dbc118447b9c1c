from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gwbricks.bricks import BrickCollection, BrickTrainable, save_bricks
from gwbricks.errors import CheckpointError
from gwbricks.training.checkpoints import (
    find_checkpoint,
    load_weights,
    part_of,
    read_checkpoint,
    read_weights,
)


def graph() -> BrickCollection:
    return BrickCollection({"nest": {"head": BrickTrainable(LINEAR, ["x"], ["y"])}})


LINEAR = nn.Linear(2, 1)
STATE = {f"brick_collection.{name}": x for name, x in graph().state_dict().items()}


def write_run(folder: Path) -> Path:
    (folder / "checkpoints").mkdir()
    torch.save({"state_dict": STATE}, folder / "checkpoints" / "last.ckpt")
    return folder


def write_checkpoint(folder: Path) -> Path:
    return write_run(folder) / "checkpoints" / "last.ckpt"


def write_state(folder: Path) -> Path:
    torch.save(STATE, folder / "state.pt")
    return folder / "state.pt"


def write_bricks(folder: Path) -> Path:
    save_bricks(graph(), folder / "x.safetensors")
    return folder / "x.safetensors"


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(write_run, id="run"),
        pytest.param(write_checkpoint, id="checkpoint"),
        pytest.param(write_state, id="state-dict"),
        pytest.param(write_bricks, id="bricks"),
    ],
)
def test_weights_are_read_under_one_name_from(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    weights = read_weights(write(tmp_path), "key")
    assert weights.keys() == STATE.keys()
    assert all(torch.equal(weights[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("", ["nest.head.model.bias", "nest.head.model.weight"], id="all"),
        pytest.param("nest", ["head.model.bias", "head.model.weight"], id="nest"),
        pytest.param("nest.head", ["model.bias", "model.weight"], id="brick"),
        pytest.param("nest.head.model", ["bias", "weight"], id="module"),
        pytest.param("nest.he", [], id="half-a-name"),
    ],
)
def test_part_has_the_weights_of(path: str, expected: list[str]) -> None:
    assert sorted(part_of(STATE, path)) == expected


def test_best_checkpoint_comes_before_the_last(tmp_path: Path) -> None:
    last = write_checkpoint(tmp_path)
    assert find_checkpoint(tmp_path) == last == find_checkpoint(last)
    last.with_name("best.ckpt").touch()
    assert find_checkpoint(tmp_path) == last.with_name("best.ckpt")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("no.ckpt", r"^key: no file '.*no\.ckpt' \(from '", id="missing"),
        pytest.param(".", r"^key: '.*': no run folder with checkpoints", id="folder"),
        pytest.param(
            "no.safetensors", r"^key: .*no\.safetensors: no such fi", id="no-bricks"
        ),
        pytest.param("text", r"^key: cannot read '.*text': .* Expected a", id="text"),
        pytest.param("list", r"^key: '.*list' holds a list, no weights", id="list"),
        pytest.param("numbers", r"^key: '.*numbers' holds no weights", id="numbers"),
    ],
)
def test_what_holds_no_weights_is_an_error(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "text").write_text("text")
    torch.save([1], tmp_path / "list")
    torch.save({"state_dict": {"a": 1}}, tmp_path / "numbers")
    with pytest.raises(CheckpointError, match=message):
        read_weights(tmp_path / name, "key")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({"x": print}, tmp_path / "x.ckpt")
    with pytest.raises(CheckpointError, match=r"^key: cannot read"):
        read_checkpoint(tmp_path / "x.ckpt", "key")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"bias": None}, r"do not fit Linear: 1 missing \(bi", id="less"),
        pytest.param({"a": torch.zeros(1)}, r"1 unknown \(a\)\. Fix: the", id="more"),
        pytest.param(
            {"bias": torch.zeros(2)}, r"shape \(bias \(2,\) for \(1,\)\)", id="shape"
        ),
        pytest.param(
            {f"a{i}": torch.zeros(1) for i in range(5)},
            r"5 unknown \(a0, a1, a2, a3, …\)",
            id="many",
        ),
    ],
)
def test_weights_that_do_not_fit_are_not_loaded(
    change: dict[str, Any], message: str
) -> None:
    module = nn.Linear(2, 1)
    before = {name: x.clone() for name, x in module.state_dict().items()}
    changed = {**LINEAR.state_dict(), **change}
    weights = {name: x for name, x in changed.items() if x is not None}
    with pytest.raises(CheckpointError, match=message):
        load_weights(module, weights, "key")
    assert all(torch.equal(x, before[n]) for n, x in module.state_dict().items())
