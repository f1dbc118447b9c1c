from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gwbricks.bricks import BrickCollection, LossOutput, Stage
from gwbricks.data import as_named_inputs
from gwbricks.domains import DomainModule, LinearDomain
from gwbricks.errors import ConfigError
from gwbricks.workspace.planning.routes import KINDS

Build = Callable[..., BrickCollection]
Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]
GROUPS = {("a",): 3, ("b",): 1, ("a", "b"): 4, ("a", "b", "c"): 2}


def outputs_of(
    build: Build, draw: Draw, domain: type[LinearDomain]
) -> dict[str, LossOutput | None]:
    torch.manual_seed(0)
    module = domain(5, 4)
    torch.manual_seed(0)
    module.load_state_dict(LinearDomain(5, 4).state_dict())
    collection = build("abc", modules={"a": module})
    inputs = as_named_inputs(draw(GROUPS))
    values = collection.run(inputs, Stage.TRAIN, outputs=KINDS)
    return {kind: values[kind] for kind in KINDS}


def values_of(outputs: dict[str, LossOutput | None]) -> dict[str, float]:
    return {
        f"{kind}/{name}": value.item()
        for kind, output in outputs.items()
        if output
        for name, value in output.all.items()
    }


def mean(pred: Tensor, target: Tensor, factor: float = 1.0) -> LossOutput:
    return LossOutput(factor * (pred - target).square().mean())


class Scalar(LinearDomain):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return mean(pred, target)


class WithRaw(LinearDomain):
    def compute_loss(  # pyright: ignore[reportIncompatibleMethodOverride] - Shimmer's signature
        self, pred: Tensor, target: Tensor, raw_target: Tensor
    ) -> LossOutput:
        latents = self.encode(raw_target)
        torch.testing.assert_close(latents, target)
        return LossOutput((pred - latents).square().mean(dim=1))


class WithAnything(LinearDomain):
    def compute_loss(self, pred: Tensor, target: Tensor, *rest: Any) -> LossOutput:
        (raw_target,) = rest
        return LossOutput((pred - self.encode(raw_target)).square().mean(dim=1))


class ScalarWithRaw(LinearDomain):
    def compute_loss(  # pyright: ignore[reportIncompatibleMethodOverride] - Shimmer's signature
        self, pred: Tensor, target: Tensor, raw_target: Tensor
    ) -> LossOutput:
        return mean(pred, self.encode(raw_target))


class HookForOneKind(LinearDomain):
    """The same loss, given to one kind by its own name."""

    def compute_translation_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return LossOutput((pred - target).square().mean(dim=1))


class ScalarHookForOneKind(LinearDomain):
    def compute_dcy_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return mean(pred, target)


@pytest.mark.parametrize(
    "domain",
    [
        Scalar,
        WithRaw,
        WithAnything,
        ScalarWithRaw,
        HookForOneKind,
        ScalarHookForOneKind,
    ],
)
def test_form_of_a_loss_does_not_change_its_value(
    build: Build, draw: Draw, domain: type[LinearDomain]
) -> None:
    expected = values_of(outputs_of(build, draw, LinearDomain))
    values = values_of(outputs_of(build, draw, domain))
    assert values == pytest.approx(expected, rel=1e-6)


def ends_in_a(name: str) -> bool:
    """Whether a route, such as `cycles/a-through-b+c` or `fused/a+b-to-a`, does."""
    route = name.split("/")[1]
    return route.endswith("-to-a") or route.startswith("a-through-")


@pytest.mark.parametrize(
    ("hook", "kind"),
    [
        ("compute_demi_cycle_loss", "demi_cycles"),
        ("compute_dcy_loss", "demi_cycles"),
        ("compute_translation_loss", "translations"),
        ("compute_tr_loss", "translations"),
        ("compute_cycle_loss", "cycles"),
        ("compute_cy_loss", "cycles"),
        ("compute_fused_loss", "fused"),
    ],
    ids=lambda name: name,
)
def test_domain_may_compute_one_kind_in_its_own_way(
    build: Build, draw: Draw, hook: str, kind: str
) -> None:
    def double(self: object, pred: Tensor, target: Tensor) -> LossOutput:
        del self
        return mean(pred, target, 2.0)

    domain = type("Doubling", (LinearDomain,), {hook: double})
    expected = values_of(outputs_of(build, draw, LinearDomain))
    values = values_of(outputs_of(build, draw, domain))
    doubled = {name for name in expected if values[name] > 1.5 * expected[name]}
    routes = {n for n in expected if n.startswith(f"{kind}/") and ends_in_a(n)}
    assert routes
    assert doubled - {f"{kind}/loss"} == routes
    for name in routes:
        assert values[name] == pytest.approx(2 * expected[name], rel=1e-6)


class NoTranslations(LinearDomain):
    def compute_translation_loss(self, pred: Tensor, target: Tensor) -> None:
        del pred, target


class NoLoss(LinearDomain):
    def compute_loss(  # pyright: ignore[reportIncompatibleMethodOverride] - switched off
        self, pred: Tensor, target: Tensor
    ) -> None:
        del pred, target


@pytest.mark.parametrize(
    ("domain", "off"),
    [
        pytest.param(NoTranslations, {"translations"}, id="one-kind"),
        pytest.param(
            NoLoss, {"demi_cycles", "translations", "fused", "cycles"}, id="all-kinds"
        ),
    ],
)
def test_terms_of_a_loss_that_is_switched_off_do_not_count(
    build: Build, draw: Draw, domain: type[LinearDomain], off: set[str]
) -> None:
    every = outputs_of(build, draw, LinearDomain)
    outputs = outputs_of(build, draw, domain)
    for kind in KINDS:
        output, whole = outputs[kind], every[kind]
        assert output is not None
        assert whole is not None
        if kind not in off:
            # Fewer routes: matrices of another shape round in another order.
            assert output.loss.item() == pytest.approx(whole.loss.item())
            continue
        kept = {n for n in whole.metrics if not ends_in_a(f"{kind}/{n}")}
        assert output.metrics.keys() == kept
        for name in kept:
            assert output.metrics[name].item() == pytest.approx(
                whole.metrics[name].item()
            )


def test_kind_is_the_mean_of_the_terms_that_are_left(build: Build, draw: Draw) -> None:
    collection = build("ab", modules={"a": NoTranslations(5, 4)})
    inputs = as_named_inputs(draw({("a", "b"): 4}))
    output = collection.run(inputs, Stage.TRAIN, ["translations"])["translations"]
    assert output.metrics.keys() == {"a-to-b"}
    assert output.loss.item() == pytest.approx(output.metrics["a-to-b"].item())


def test_kind_that_all_domains_switch_off_has_no_loss(build: Build, draw: Draw) -> None:
    modules: dict[str, DomainModule] = {name: NoTranslations(5, 4) for name in "ab"}
    collection = build("ab", modules=modules)
    inputs = as_named_inputs(draw({("a", "b"): 4}))
    values = collection.run(inputs, Stage.TRAIN, ["translations", "demi_cycles"])
    assert values["translations"] is None
    assert values["demi_cycles"] is not None


class PerFeature(LinearDomain):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return LossOutput((pred - target).square())


class OneTooMany(LinearDomain):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return LossOutput(torch.zeros(len(pred) + 1))


@pytest.mark.parametrize(
    ("domain", "shape"),
    [
        pytest.param(PerFeature, r"\(3, 4\)", id="per-feature"),
        pytest.param(OneTooMany, r"\(4,\)", id="other-number-of-rows"),
    ],
)
def test_loss_of_another_shape_is_an_error(
    build: Build, draw: Draw, domain: type[LinearDomain], shape: str
) -> None:
    collection = build("a", modules={"a": domain(5, 4)})
    message = (
        rf"domains\.a: {domain.__name__}'s loss has shape {shape} for 3 rows\..*Fix"
    )
    with pytest.raises(ConfigError, match=message):
        collection.run(as_named_inputs(draw({("a",): 3})), Stage.TRAIN, KINDS)


def test_targets_get_no_gradient(build: Build, draw: Draw) -> None:
    module = LinearDomain(5, 4)
    collection = build("a", modules={"a": module}, trainable=["a"])
    inputs = as_named_inputs(draw({("a",): 3}))
    output = collection.run(inputs, Stage.TRAIN, ["demi_cycles"])["demi_cycles"]
    weights = list(module.encoder.parameters())
    gradients = torch.autograd.grad(output.loss, weights)
    encoder = collection.get_submodule("a.encode.model")
    decoder = collection.get_submodule("a.decode.model")
    latent = module.encode(inputs["a"])
    error = (decoder(encoder(latent).tanh()) - latent.detach()).square().mean()
    torch.testing.assert_close(gradients, torch.autograd.grad(error, weights))


class WithRowMetrics(LinearDomain):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        error = (pred - target).square().mean(dim=1)
        return LossOutput(error, {"triple": 3 * error})


class WithScalarMetrics(LinearDomain):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        error = (pred - target).square().mean(dim=1)
        return LossOutput(error, {"triple": 3 * error.mean()})


@pytest.mark.parametrize("domain", [WithRowMetrics, WithScalarMetrics])
def test_metrics_of_a_loss_are_those_of_each_route(
    build: Build, draw: Draw, domain: type[LinearDomain]
) -> None:
    plain = values_of(outputs_of(build, draw, LinearDomain))
    values = values_of(outputs_of(build, draw, domain))
    routes = [n for n in plain if not n.endswith("/loss") and ends_in_a(n)]
    routes = [name for name in routes if not name.startswith("contrastives")]
    expected = plain | {f"{name}/triple": 3 * plain[name] for name in routes}
    assert values == pytest.approx(expected, rel=1e-6)


class PerFeatureMetric(LinearDomain):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        error = (pred - target).square()
        return LossOutput(error.mean(dim=1), {"square": error})


def test_metric_of_another_shape_is_an_error(build: Build, draw: Draw) -> None:
    collection = build("ab", modules={"a": PerFeatureMetric(5, 4)})
    inputs = as_named_inputs(draw({("a",): 3}))
    message = r"domains\.a: PerFeatureMetric's metric 'square' has shape \(3, 4\) for 3"
    with pytest.raises(ConfigError, match=message):
        collection.run(inputs, Stage.TRAIN, ["demi_cycles"])
