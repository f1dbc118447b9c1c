from collections.abc import Callable, Mapping

import pytest
import torch
from torch import nn, Tensor
from torch.distributions import kl_divergence, Normal

from gwbricks.bricks import BrickCollection, LossOutput, Stage
from gwbricks.data import as_named_inputs
from gwbricks.domains import LinearDomain
from gwbricks.workspace import (
    FusionRoutes,
    gw_bricks,
    GWDecoder,
    GWEncoder,
    SharedSelection,
    VariationalEncoder,
    Workspace,
    WorkspaceDomain,
)

Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]
GROUPS = {("a",): 3, ("a", "b"): 2}


def build(
    encoders: Mapping[str, type[nn.Module]], chunk: int | None = None
) -> BrickCollection:
    torch.manual_seed(0)
    domains = {
        name: WorkspaceDomain(
            LinearDomain(5, 4), encoder(4, 7, 6, 0), GWDecoder(6, 7, 4, 0)
        )
        for name, encoder in encoders.items()
    }
    workspace = Workspace(SharedSelection(), routes=FusionRoutes(chunk=chunk))
    return BrickCollection(gw_bricks(domains, workspace)).double()


def kl_by_hand(collection: BrickCollection, name: str, raw: Tensor) -> Tensor:
    latent = collection.get_submodule(f"{name}.latent.model.encoder")(raw)
    features = collection.get_submodule(f"{name}.encode.model.layers")(latent)
    normal = Normal(features[:, :6], features[:, 6:].div(2).exp())
    standard = Normal(torch.zeros(()).double(), torch.ones(()).double())
    return kl_divergence(normal, standard).sum(dim=1).mean()


def test_kl_is_the_mean_divergence_of_the_domains(draw: Draw) -> None:
    collection = build({"a": VariationalEncoder, "b": VariationalEncoder})
    batch = draw(GROUPS)
    output = collection.run(as_named_inputs(batch), Stage.TRAIN, ["kl"])["kl"]
    raw = as_named_inputs(batch)
    expected = {name: kl_by_hand(collection, name, raw[name]) for name in "ab"}
    for name, value in expected.items():
        torch.testing.assert_close(output.metrics[name], value.detach())
    torch.testing.assert_close(output.loss, (expected["a"] + expected["b"]) / 2)


def test_only_encoders_with_a_distribution_have_a_divergence(draw: Draw) -> None:
    collection = build({"a": VariationalEncoder, "b": GWEncoder})
    inputs = as_named_inputs(draw(GROUPS))
    assert collection.run(inputs, Stage.TRAIN, ["kl"])["kl"].metrics.keys() == {"a"}
    assert "kl" not in build({"a": GWEncoder, "b": GWEncoder}).loss_names()
    only_b = as_named_inputs(draw({("b",): 2}))
    values = collection.run(only_b, Stage.TRAIN, ["demi_cycles"])
    assert isinstance(values["demi_cycles"], LossOutput)


def test_training_draws_and_evaluation_takes_the_mean(draw: Draw) -> None:
    collection = build({"a": VariationalEncoder})
    inputs = as_named_inputs(draw({("a",): 400}))
    wanted = ["a/mean", "a/log_variance", "a/encoding"]
    collection.train()
    values = collection.run(inputs, Stage.TRAIN, wanted)
    spread = (values["a/encoding"] - values["a/mean"]) / (
        values["a/log_variance"].div(2).exp()
    )
    assert spread.mean().item() == pytest.approx(0, abs=0.1)
    assert spread.std().item() == pytest.approx(1, abs=0.1)
    collection.eval()
    values = collection.run(inputs, Stage.TEST, wanted)
    assert torch.equal(values["a/encoding"], values["a/mean"])


@pytest.mark.parametrize("chunk", [None, 3], ids=["whole", "chunked"])
def test_every_weight_gets_a_gradient(draw: Draw, chunk: int | None) -> None:
    collection = build({"a": VariationalEncoder, "b": VariationalEncoder}, chunk)
    inputs = as_named_inputs(draw(GROUPS))
    names = ["kl", "cycles", "translations"]
    values = collection.run(inputs, Stage.TRAIN, names)
    torch.stack([values[name].loss for name in names]).sum().backward()
    for name, parameter in collection.named_parameters():
        assert not parameter.requires_grad or parameter.grad is not None, name
