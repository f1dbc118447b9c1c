from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickTrainable,
    LossOutput,
    Stage,
)
from gwbricks.data import as_named_inputs
from gwbricks.domains import IdentityDomain
from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.workspace import (
    AdditiveNoise,
    AttentionSelection,
    Corruption,
    Fuse,
    FusionRoutes,
    gw_bricks,
    GWDecoder,
    GWEncoder,
    Masking,
    WeightedSum,
    Workspace,
    WorkspaceDomain,
)

EFFECTS = {
    "noise": AdditiveNoise(),
    "absolute": AdditiveNoise(False),
    "mask": Masking(),
}
NAMES = ("a", "b", "c", "d")
GROUPS = st.dictionaries(
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(
        lambda names: tuple(sorted(names))
    ),
    st.integers(1, 5),
    min_size=1,
)
Draw = Callable[..., Any]
Build = Callable[..., BrickCollection]


def run(
    build: Build, corruption: Corruption | None, batch: object, stage: Stage
) -> dict[str, Any]:
    torch.manual_seed(0)
    wanted = ["plan", "state", *([] if corruption is None else ["corruption"])]
    inputs = as_named_inputs(batch)
    given = [n for n in NAMES if n in inputs]
    wanted += [f"{n}/latent" for n in given]
    wanted += [] if corruption is None else [f"{n}/clean" for n in given]
    return build(NAMES, corruption=corruption).run(inputs, stage, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("effect", EFFECTS)
@given(
    groups=GROUPS,
    chosen=st.none() | st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    count=st.none() | st.integers(1, 4),
)
@settings(max_examples=6, deadline=None)
def test_exactly_the_drawn_cells_are_corrupted(
    build: Build,
    draw: Draw,
    effect: str,
    groups: dict[tuple[str, ...], int],
    chosen: list[str] | None,
    count: int | None,
) -> None:
    corruption = Corruption(EFFECTS[effect], [1.0], chosen, count)
    values = run(build, corruption, draw(groups), Stage.TRAIN)
    scales, present = values["corruption"], values["plan"].items.present
    may = present & torch.tensor([chosen is None or name in chosen for name in NAMES])
    expected = may.sum(1) if count is None else may.sum(1).clamp(max=count)
    assert not scales[~may].any()
    assert torch.equal((scales > 0).sum(1), expected)
    for index, name in enumerate(NAMES):
        if f"{name}/clean" in values:
            changed = (values[f"{name}/latent"] != values[f"{name}/clean"]).any(dim=1)
            assert torch.equal(changed, scales[present[:, index], index] > 0)


@given(groups=GROUPS)
@settings(max_examples=6, deadline=None)
def test_nothing_that_the_caller_gives_is_changed(
    build: Build, draw: Draw, groups: dict[tuple[str, ...], int]
) -> None:
    batch, before = draw(groups), draw(groups)
    run(build, Corruption(AdditiveNoise(), [5.0], count=None), batch, Stage.TRAIN)
    for group, rows in before.items():
        for name, values in rows.items():
            assert torch.equal(batch[group][name], values)


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("stage", [Stage.TRAIN, Stage.VALIDATION, Stage.TEST])
def test_at_scale_zero_states_are_those_without_corruption(
    build: Build, draw: Draw, effect: str, stage: Stage
) -> None:
    batch = draw({("a",): 3, ("a", "b", "d"): 2})
    corruption = Corruption(EFFECTS[effect], [0.0], count=None)
    corrupted = run(build, corruption, batch, stage)["state"]
    assert torch.equal(corrupted, run(build, None, batch, stage)["state"])


@pytest.mark.parametrize("stage", [Stage.INFERENCE, Stage.EXPORT])
def test_use_is_not_corrupted(build: Build, draw: Draw, stage: Stage) -> None:
    inputs = as_named_inputs(draw({("a", "b"): 3}))
    corrupted = build(NAMES, corruption=Corruption(AdditiveNoise(), [9.0]))
    found = corrupted.run(inputs, stage, ["state"])["state"]
    assert torch.equal(found, build(NAMES).run(inputs, stage, ["state"])["state"])


def test_domain_of_a_row_and_scale_are_drawn_uniformly(
    build: Build, draw: Draw
) -> None:
    batch = draw({("a", "b", "c"): 6000, ("b", "d"): 4000})
    corruption = Corruption(Masking(), [0.25, 0.5, 0.75])
    scales = run(build, corruption, batch, Stage.TRAIN)["corruption"]
    share = (scales > 0).double()
    torch.testing.assert_close(
        share[:6000].mean(0),
        torch.tensor([1, 1, 1, 0]) / 3.0,
        atol=0.03,
        rtol=0,
        check_dtype=False,
    )
    torch.testing.assert_close(
        share[6000:].mean(0),
        torch.tensor([0, 0.5, 0, 0.5]),
        atol=0.03,
        rtol=0,
        check_dtype=False,
    )
    for scale in corruption.scales:
        assert (scales.amax(1) == scale).double().mean() == pytest.approx(
            1 / 3, abs=0.03
        )


def test_draws_follow_the_seed(build: Build, draw: Draw) -> None:
    batch, corruption = draw({NAMES: 20}), Corruption(AdditiveNoise(), [0.5, 1.0])
    first, again = (run(build, corruption, batch, Stage.TEST) for _ in range(2))
    assert torch.equal(first["state"], again["state"])


def test_scale_one_is_noise_as_strong_as_the_latent() -> None:
    latent = torch.randn(200, 500) * torch.logspace(-2, 2, 200).unsqueeze(1)
    noise = AdditiveNoise()(latent, torch.full((200,), 2.0)) - latent
    ratio = noise.square().mean(1) / latent.square().mean(1)
    torch.testing.assert_close(ratio, torch.full((200,), 4.0), rtol=0.3, atol=0)


def test_scale_of_a_mask_is_the_share_of_features() -> None:
    masked = Masking()(torch.ones(3, 4, 1000), torch.tensor([0.0, 0.3, 1.0]))
    shares = (masked == 0).flatten(1).double().mean(1)
    assert shares.tolist() == pytest.approx([0.0, 0.3, 1.0], abs=0.03)


def test_errors_are_measured_against_clean_latents(build: Build, draw: Draw) -> None:
    inputs = as_named_inputs(draw({("a", "b"): 4}))
    corruption = Corruption(Masking(), [1.0], ["a"])
    values = build(("a", "b"), corruption=corruption).run(
        inputs,
        Stage.TRAIN,
        ["translations", "a/error", "a/clean", "a/broadcast", "plan"],
    )
    first = values["plan"].columns["a"]
    errors = (
        values["a/broadcast"][: len(first.targets)] - values["a/clean"][first.targets]
    )
    torch.testing.assert_close(values["a/error"].values, errors.square().mean(1))
    assert isinstance(values["translations"], LossOutput)


def test_chunked_routes_are_compared_to_clean_latents_too(
    build: Build, draw: Draw
) -> None:
    inputs = as_named_inputs(draw({("a", "b", "c"): 4}))
    found = []
    for chunk in (None, 4):
        corruption = Corruption(AdditiveNoise(), [2.0])
        graph = build("abc", corruption=corruption, routes=FusionRoutes(chunk=chunk))
        torch.manual_seed(0)
        values = graph.run(inputs, Stage.TRAIN, ["fused", "translations"])
        found.append([values[name].loss for name in ("fused", "translations")])
    torch.testing.assert_close(found[0], found[1])


def test_frozen_workspace_stays_frozen_where_routes_are_chunked() -> None:
    domains = {
        name: WorkspaceDomain(IdentityDomain(5), nn.Linear(5, 4), nn.Linear(4, 5))
        for name in ("a", "b")
    }
    workspace = Workspace(AttentionSelection(4), routes=FusionRoutes(chunk=2))
    graph = BrickCollection(gw_bricks(domains, workspace, trainable=False))
    assert not any(weight.requires_grad for weight in graph.parameters())


def test_selection_on_a_frozen_workspace_learns_to_avoid_the_noise() -> None:
    torch.manual_seed(0)
    domains = {
        name: WorkspaceDomain(
            IdentityDomain(5), GWEncoder(5, 32, 16, 0), GWDecoder(16, 32, 5, 0)
        )
        for name in ("a", "b")
    }
    corruption = Corruption(AdditiveNoise(), [4.0])
    gw = gw_bricks(domains, Workspace(corruption=corruption), trainable=False)
    fuse = Fuse(["a", "b"], AttentionSelection(16), WeightedSum())
    read = ["*/latent", "*/encoding", "plan"]
    head = BrickTrainable(nn.Linear(16, 1), ["own/fused"], ["guess"])
    loss = BrickLoss(nn.MSELoss(), ["guess", "truth"], ["loss"])
    own = BrickTrainable(fuse, read, ["own/fused"], method="items")
    graph = BrickCollection({"gw": gw, "own": own, "head": head, "loss": loss})
    frozen = {name: weight.clone() for name, weight in graph["gw"].state_dict().items()}
    trained = [weight for weight in graph.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=0.03)
    rows = torch.randn(256, 5).sign()
    inputs = {"a": rows, "b": rows, "truth": rows[:, :1]}
    values = {}
    for _ in range(150):
        names = ["loss", "corruption", "a/encoding", "b/encoding"]
        values = graph.run(inputs, Stage.TRAIN, names)
        optimizer.zero_grad()
        values["loss"].backward()
        optimizer.step()
    encodings = torch.stack([values["a/encoding"], values["b/encoding"]], dim=1)
    noisy = values["corruption"] > 0
    weights = fuse.selection({}, encodings, torch.ones_like(noisy))
    assert weights[noisy].mean() < 0.2
    for name, weight in graph["gw"].state_dict().items():
        assert torch.equal(weight, frozen[name])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"scales": []}, r"scales: \[\]\. Expected one or more", id="none"),
        pytest.param({"scales": [-1.0]}, r"scales: \[-1\.0\]\. Exp", id="negative"),
        pytest.param({"scales": [float("nan")]}, r"scales: \[nan\]\. Exp", id="nan"),
        pytest.param({"scales": [1], "domains": []}, r"domains: \[\]\.", id="domains"),
        pytest.param({"scales": [1], "count": 0}, r"count: 0\. Expected 1", id="count"),
    ],
)
def test_impossible_arguments_are_named(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Corruption(Masking(), **arguments)


def test_domain_that_does_not_exist_is_named(build: Build) -> None:
    with pytest.raises(
        UnknownNameError, match=r"corruption\.domains: unknown name 'x'"
    ):
        build(NAMES, corruption=Corruption(Masking(), [1.0], ["x"]))
