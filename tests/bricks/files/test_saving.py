from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn, Tensor

from gwbricks.bricks import (
    BrickCollection,
    BrickModule,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
    load_bricks,
    save_bricks,
)
from gwbricks.errors import CheckpointError, ConfigError, UnknownNameError


def brick(out: int = 3, reads: str = "x", writes: str = "y") -> BrickTrainable:
    model = nn.Sequential(nn.Linear(2, out), nn.BatchNorm1d(out))
    return BrickTrainable(model, [reads], [writes])


def collection(seed: int, **changed: Any) -> BrickCollection:
    """A nest with two bricks that have weights, a shared one, and a head."""
    torch.manual_seed(seed)
    nest = {
        "encode": brick(writes="a"),
        "decode": brick(writes="b"),
        "again": BrickShared("encode", ["z"], ["c"]),
        "double": BrickModule(lambda x: 2 * x, ["x"], ["d"]),
    }
    bricks: dict[str, Any] = {"gw": {"v": nest}, "head": brick(), **changed}
    graph = BrickCollection({k: b for k, b in bricks.items() if b is not None})
    for value in graph.state_dict().values():
        if isinstance(value, Tensor):
            value.copy_(torch.rand(value.shape) * 10)
    return graph


def weights(graph: BrickCollection, nest: str = "") -> dict[str, Tensor]:
    state = graph.state_dict()
    return {n: v.clone() for n, v in state.items() if n.startswith(nest)}


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_bricks(collection(0), tmp_path / "bricks.safetensors")
    return tmp_path / "bricks.safetensors"


def test_all_weights_and_buffers_come_back(file: Path) -> None:
    graph = collection(1)
    assert not same(weights(graph), weights(collection(0)))
    loaded = load_bricks(graph, file)
    assert loaded == ["gw.v.decode", "gw.v.encode", "head"]
    assert same(weights(graph), weights(collection(0)))
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("bricks", "expected"),
    [
        pytest.param(["gw"], ["gw.v.decode", "gw.v.encode"], id="nest"),
        pytest.param(["gw.v.encode"], ["gw.v.encode"], id="brick"),
        pytest.param(["head", "gw.v.decode"], ["gw.v.decode", "head"], id="two"),
    ],
)
def test_chosen_bricks_are_saved_and_loaded_alone(
    tmp_path: Path, file: Path, bricks: list[str], expected: list[str]
) -> None:
    path = tmp_path / "chosen.safetensors"
    assert save_bricks(collection(0), path, bricks) == expected
    for source in (path, file):
        graph = collection(1)
        before = weights(graph)
        assert load_bricks(graph, source, bricks) == expected
        for name in ("gw.v.encode", "gw.v.decode", "head"):
            source_of = weights(collection(0)) if name in expected else before
            nest = {n: v for n, v in source_of.items() if n.startswith(name)}
            assert same(weights(graph, name), nest)


def test_saving_twice_replaces_the_file(file: Path) -> None:
    save_bricks(collection(2), file)
    graph = collection(1)
    load_bricks(graph, file)
    assert same(weights(graph), weights(collection(2)))


def test_any_safetensors_reader_can_read_the_file(file: Path) -> None:
    expected = weights(collection(0))
    with safe_open(file, framework="pt") as opened:
        assert {*opened.keys()} == expected.keys()
        assert same({n: opened.get_tensor(n) for n in expected}, expected)


def test_weights_of_a_module_in_two_bricks_are_saved_once(tmp_path: Path) -> None:
    def build(seed: int) -> BrickCollection:
        torch.manual_seed(seed)
        linear = nn.Linear(2, 2)
        tied = nn.Linear(2, 2)
        tied.weight = linear.weight
        return BrickCollection(
            {
                "first": BrickTrainable(linear, ["x"], ["y"]),
                "second": BrickTrainable(linear, ["y"], ["z"]),
                "tied": BrickTrainable(tied, ["y"], ["w"]),
            }
        )

    path = tmp_path / "x.safetensors"
    save_bricks(build(0), path)
    with safe_open(path, framework="pt") as opened:
        assert {*opened.keys()} == {
            "first.model.bias",
            "first.model.weight",
            "tied.model.bias",
        }
    graph = build(1)
    load_bricks(graph, path)
    assert same(weights(graph), weights(build(0)))
    first, tied = (graph.get_submodule(f"{n}.model") for n in ("first", "tied"))
    assert first.weight is tied.weight
    graph = build(2)
    load_bricks(graph, path, ["tied"])
    assert same(weights(graph, "tied"), weights(build(0), "tied"))


OTHER = {"gw": {"v": {"encoder": brick(writes="a"), "decode": brick(writes="b")}}}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"head": None}, r"saved brick 'head' is for nothing", id="extra"),
        pytest.param(
            {"heads": brick(writes="w")},
            r"in 1 place:\n  no brick 'heads' is",
            id="new",
        ),
        pytest.param(
            OTHER,
            r"no brick 'gw\.v\.encoder' is saved \(is it 'gw\.v\.encode'\?\)\n"
            r"  the saved brick 'gw\.v\.encode' is for nothing \(is it 'gw\.v\.en",
            id="renamed",
        ),
        pytest.param(
            {"head": brick(4)},
            r"head: model\.0\.weight is \(3, 2\) float32, expected \(4, 2\) float32",
            id="shape",
        ),
        pytest.param(
            {"head": BrickTrainable(nn.Linear(2, 3), ["x"], ["y"])},
            r"head: no tensor 'model\.bias' is saved \(is it 'model\.1\.bias'\?\)",
            id="tensors",
        ),
        pytest.param(
            {f"head{i}": brick(writes=f"y{i}") for i in range(12)},
            r"in 12 places:(\n  no brick 'head\d+' is saved[^\n]*){8}\n  …\n  Fix: ren",
            id="many",
        ),
    ],
)
def test_what_does_not_fit_is_an_error_and_nothing_is_loaded(
    file: Path, changed: dict[str, Any], message: str
) -> None:
    graph = collection(1, **changed)
    before = weights(graph)
    with pytest.raises(CheckpointError, match=message):
        load_bricks(graph, file)
    assert same(weights(graph), before)


@pytest.mark.parametrize(
    ("changed", "rename", "skip"),
    [
        pytest.param(OTHER, {"gw.v.encode": "gw.v.encoder"}, (), id="brick"),
        pytest.param(
            {"gw": None, "ws": {"v": OTHER["gw"]["v"]}},
            {"gw": "ws", "gw.v.encode": "ws.v.encoder"},
            (),
            id="nest-and-brick",
        ),
    ],
)
def test_renamed_bricks_are_loaded(
    file: Path, changed: dict[str, Any], rename: dict[str, str], skip: tuple[str, ...]
) -> None:
    graph = collection(1, **changed)
    loaded = load_bricks(graph, file, rename=rename, skip=skip)
    assert len(loaded) == 3
    old = list(weights(collection(0)).values())
    new = list(weights(graph).values())
    assert all(any(torch.equal(n, o) for o in old) for n in new)


def test_swapped_bricks_are_renamed_at_once(file: Path) -> None:
    graph = collection(1)
    swap = {"gw.v.encode": "gw.v.decode", "gw.v.decode": "gw.v.encode"}
    load_bricks(graph, file, rename=swap)
    old, new = weights(collection(0), "gw.v.encode"), weights(graph, "gw.v.decode")
    assert same({n.replace("encode", "decode"): v for n, v in old.items()}, new)


def test_skipped_bricks_stay_as_they_are_on_both_sides(file: Path) -> None:
    graph = collection(1, head=None, probe=brick(4))
    before = weights(graph, "probe")
    assert load_bricks(graph, file, skip=["head", "probe"]) == [
        "gw.v.decode",
        "gw.v.encode",
    ]
    assert same(weights(graph, "probe"), before)
    assert same(weights(graph, "gw"), weights(collection(0), "gw"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"bricks": ["gw.w"]}, r"bricks: unknown name 'gw\.w'\. Did you", id="bricks"
        ),
        pytest.param(
            {"skip": ["haed"]}, r"skip: unknown name 'haed'\. Did you", id="skip"
        ),
        pytest.param(
            {"rename": {"gv": "head"}}, r"rename: unknown name 'gv'\. Did", id="rename"
        ),
    ],
)
def test_unknown_path_names_the_close_match(
    file: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnknownNameError, match=message):
        load_bricks(collection(1), file, **arguments)


def test_two_bricks_under_one_name_are_an_error(file: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"rename: two bricks of the file would be 'h"
    ):
        load_bricks(collection(1), file, rename={"gw.v.encode": "head"})


class State(nn.Linear):
    def get_extra_state(self) -> dict[str, int]:
        return {"steps": 1}

    def set_extra_state(self, state: object) -> None:
        raise AssertionError(state)


@pytest.mark.parametrize(
    ("bricks", "message"),
    [
        pytest.param(
            ["gw.v.encod"], r"unknown name 'gw\.v\.encod'\. Did you mean", id="unknown"
        ),
        pytest.param(
            ["gw.v.double"], r"'gw\.v\.double' has no weights of its own\.$", id="none"
        ),
        pytest.param(
            ["gw.v.again"], r"own\. Fix: 'gw\.v\.encode', whose we", id="shared"
        ),
        pytest.param(
            "head", r"bricks: 'head' is a string\. Fix: \['head'\]", id="text"
        ),
        pytest.param(
            ["state"], r"_extra_state: a dict is no tensor, so", id="no-tensor"
        ),
    ],
)
def test_bricks_that_cannot_be_saved_are_an_error(
    tmp_path: Path, bricks: list[str] | str, message: str
) -> None:
    graph = collection(0, state=BrickNotTrainable(State(2, 2), ["x"], ["s"]))
    with pytest.raises(ConfigError, match=message):
        save_bricks(graph, tmp_path / "x.safetensors", bricks)
    assert not list(tmp_path.iterdir())


def test_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(CheckpointError, match=r"x\.safetensors: no such file \(from"):
        load_bricks(collection(0), path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match=r"no safetensors file: .*header"):
        load_bricks(collection(0), path)
    save_file({"head.model.0.weight": torch.zeros(3, 2)}, path)
    with pytest.raises(CheckpointError, match=r"does not say which bricks it holds"):
        load_bricks(collection(0), path)
