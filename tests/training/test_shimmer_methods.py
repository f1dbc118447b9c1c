from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import nn, Tensor

from gwbricks.domains import DomainModule, IdentityDomain, LinearDomain
from gwbricks.errors import UnknownNameError
from gwbricks.training import GlobalWorkspace, GlobalWorkspaceFusion
from gwbricks.workspace import GWDecoder, GWEncoder, SharedSelection

Batch = dict[frozenset[str], dict[str, Tensor]]

DIM = 6
SIZES = {"v": 4, "t": 3, "a": 5}
V, T = frozenset({"v"}), frozenset({"v", "t"})


@pytest.fixture(params=[GlobalWorkspace, GlobalWorkspaceFusion])
def gw(request: pytest.FixtureRequest) -> GlobalWorkspace:
    torch.manual_seed(0)
    modules: dict[str, DomainModule] = {n: LinearDomain(s, s) for n, s in SIZES.items()}
    modules["a"] = IdentityDomain(SIZES["a"])
    encoders: dict[str, nn.Module] = {
        n: GWEncoder(s, 8, DIM, 0) for n, s in SIZES.items()
    }
    decoders: dict[str, nn.Module] = {
        n: GWDecoder(DIM, 8, s, 0) for n, s in SIZES.items()
    }
    coefs = {"translations": 1.0}
    selection = SharedSelection()
    return request.param(modules, encoders, decoders, DIM, coefs, selection=selection)


@pytest.fixture
def batch() -> Batch:
    v, t = torch.randn(2, SIZES["v"]), torch.randn(2, SIZES["t"])
    return {V: {"v": torch.randn(3, SIZES["v"])}, T: {"v": v, "t": t}}


def test_domains_are_encoded_and_decoded_by_their_modules(
    gw: GlobalWorkspace, batch: Batch
) -> None:
    assert gw.domain_mods.keys() == SIZES.keys()
    latents = gw.encode_domains(batch)
    raw = gw.decode_domains(latents)
    for group, columns in batch.items():
        for name, x in columns.items():
            module = gw.domain_mods[name]
            torch.testing.assert_close(latents[group][name], module.encode(x))
            expected = module.decode(module.encode(x))
            torch.testing.assert_close(raw[group][name], expected)


def test_states_and_predictions_come_by_group(
    gw: GlobalWorkspace, batch: Batch
) -> None:
    latents = gw.encode_domains(batch)
    made, states = gw(latents), gw.encode_and_fuse(latents, gw.selection_mod)
    half = {n: torch.full((2,), 0.5) for n in "vt"}
    fused = gw.fuse(gw.encode({T: latents[T]}), {T: half})
    torch.testing.assert_close(fused[T], states[T])
    decoded = gw.decode(states)
    assert made.keys() == {"states", "broadcasts", "cycles"}
    for group, states_by_hand in gw.batch_gw_states(latents).items():
        torch.testing.assert_close(made["states"][group], states_by_hand)
        torch.testing.assert_close(states[group], states_by_hand)
        torch.testing.assert_close(made["broadcasts"][group], decoded[group])
        assert made["cycles"][group].keys() == SIZES.keys()


def test_decoding_to_no_domain_decodes_nothing(gw: GlobalWorkspace) -> None:
    states = {V: torch.zeros(3, DIM)}
    assert gw.decode(states, domains=[]) == {V: {}}
    assert gw.decode(states, domains=iter(["t"]))[V].keys() == {"t"}
    assert gw.decode(states)[V].keys() == SIZES.keys()


def test_a_copy_computes_with_its_own_weights(
    gw: GlobalWorkspace, batch: Batch
) -> None:
    before = gw(gw.encode_domains(batch))["states"][V]
    copy = deepcopy(gw)
    for parameter in copy.parameters():
        parameter.data.zero_()
    assert not copy(copy.encode_domains(batch))["states"][V].any()
    assert gw(gw.encode_domains(batch))["states"][V].equal(before)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda gw: gw.encode_domain(torch.zeros(1, 4), "vv"), id="encode"),
        pytest.param(lambda gw: gw.decode_domain(torch.zeros(1, 4), "vv"), id="decode"),
    ],
)
def test_unknown_domain_names_the_close_match(
    gw: GlobalWorkspace, call: Callable[[GlobalWorkspace], object]
) -> None:
    with pytest.raises(
        UnknownNameError, match=r"name: unknown name 'vv'\. Did you mea"
    ):
        call(gw)
