from collections import Counter
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn, Tensor

from gwbricks.bricks import BrickCollection, Stage
from gwbricks.data import as_named_inputs
from gwbricks.errors import ConfigError
from gwbricks.workspace import (
    FusionRoutes,
    GWDecoder,
    GWEncoder,
    LinearCoder,
    Routes,
    SimpleRoutes,
)
from gwbricks.workspace.planning.routes import KINDS

Build = Callable[..., BrickCollection]
Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]
GROUPS = {("a",): 3, ("b",): 2, ("a", "b"): 4, ("a", "b", "c"): 2}


def test_coders_have_the_hidden_layers_asked_for_and_two_linear_maps_more() -> None:
    for coder in (GWEncoder(8, 32, 12, 3), GWDecoder(8, 32, 12, 3)):
        sizes = [
            (m.in_features, m.out_features) for m in coder if isinstance(m, nn.Linear)
        ]
        assert sizes == [(8, 32), (32, 32), (32, 32), (32, 32), (32, 12)]


def test_linear_coder_is_a_linear_map_of_named_sizes() -> None:
    coder, rows = LinearCoder(8, 12, bias=False), torch.randn(4, 8)
    assert (coder.in_dim, coder.out_dim) == (8, 12)
    torch.testing.assert_close(coder(rows), rows @ coder.weight.T)


@pytest.mark.parametrize("sizes", [(0, 12), (8, -1)])
def test_linear_coder_of_no_size_is_an_error(sizes: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=r"(in|out)_dim: .*Expected 1 or more"):
        LinearCoder(*sizes)


def count_calls(collection: BrickCollection, names: str) -> Counter[str]:
    calls: Counter[str] = Counter()
    for name in names:
        for part in ("encode", "decode"):
            path = f"{name}.{part}"
            coder = collection.get_submodule(f"{path}.model")
            coder.register_forward_hook(lambda *_, path=path: calls.update([path]))
    return calls


@pytest.mark.parametrize(
    "routes", [FusionRoutes(), SimpleRoutes()], ids=["fusion", "simple"]
)
@pytest.mark.parametrize(
    ("kinds", "calls"),
    [
        pytest.param(KINDS, 2, id="with-cycles"),
        pytest.param(("cycles",), 2, id="cycles-alone"),
        pytest.param(tuple(k for k in KINDS if k != "cycles"), 1, id="no-cycles"),
        pytest.param(("translations",), 1, id="translations-alone"),
    ],
)
@given(data=st.data())
@settings(max_examples=2, deadline=None)
def test_coders_are_called_twice_with_cycles_and_else_once(
    build: Build,
    draw: Draw,
    routes: Routes,
    kinds: tuple[str, ...],
    calls: int,
    data: st.DataObject,
) -> None:
    extra = data.draw(st.sets(st.sampled_from(sorted(GROUPS))))
    groups = {g: GROUPS[g] for g in GROUPS if g in extra | {("a", "b", "c")}}
    collection = build("abc", routes=routes, coefs=dict.fromkeys(kinds, 1.0))
    counted = count_calls(collection, "abc")
    collection.run(as_named_inputs(draw(groups)), Stage.TRAIN, outputs=kinds)
    coders = [f"{d}.{part}" for d in "abc" for part in ("encode", "decode")]
    assert counted == dict.fromkeys(coders, calls)
