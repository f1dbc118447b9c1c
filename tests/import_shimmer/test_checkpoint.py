import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gwbricks.import_shimmer.checkpoint import ShimmerCheckpoint

NAMES = [
    f"gw_mod.gw_{coder}s.{domain}.{index}.weight"
    for domain in "tv"
    for coder in ("encoder", "decoder")
    for index in (0, 2)
]


@pytest.mark.parametrize(
    ("change", "copies"),
    [
        pytest.param((r"x", r"x"), 0, id="as-it-is"),
        pytest.param((r"gw_mod\.", "loss_mod.gw_mod."), 0, id="of-the-losses"),
        pytest.param((r"gw_(en|de)coders", r"\1coders"), 0, id="first-version"),
        pytest.param(
            (r"gw_(en|de)coders\.(.)", r"gw_interfaces.\2.\1coder"), 0, id="interfaces"
        ),
        pytest.param(None, len(NAMES), id="twice"),
    ],
)
def test_names_of_all_versions_and_copies_are_one(
    change: tuple[str, str] | None, copies: int, tmp_path: Path
) -> None:
    state = {name: torch.full((2, 2), float(i)) for i, name in enumerate(NAMES)}
    if change:
        state = {re.sub(*change, name): tensor for name, tensor in state.items()}
    else:
        state |= {f"loss_mod.{name}": tensor for name, tensor in state.items()}
    torch.save({"state_dict": state}, tmp_path / "x.ckpt")
    checkpoint = ShimmerCheckpoint(tmp_path / "x.ckpt")
    assert checkpoint.domains == ["t", "v"]
    assert (checkpoint.copies, checkpoint.unknown) == (copies, [])
    found = [
        checkpoint.part(f"{coder}s.{domain}")[f"{index}.weight"][0, 0].item()
        for domain in "tv"
        for coder in ("encoder", "decoder")
        for index in (0, 2)
    ]
    assert found == list(range(len(NAMES)))


def test_what_shimmer_wrote_is_found(fixtures: Path) -> None:
    checkpoint = ShimmerCheckpoint(fixtures / "fusion_two.ckpt")
    assert checkpoint.domains == ["t", "v"]
    assert checkpoint.unknown == []
    assert checkpoint.activation == "torch.nn.modules.activation.Sigmoid"
    assert checkpoint.hyper["selection_temperature"] == 0.2
    assert checkpoint.state == ["optimizer_states", "lr_schedulers", "loops"]
    assert checkpoint.part("domain_mods.v")["encoder.weight"].shape == (4, 5)
    assert checkpoint.part("contrastive").keys() == {"logit_scale"}


def arctan(x: torch.Tensor) -> torch.Tensor:
    """An activation of the user's own."""
    return torch.arctan(x)


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        pytest.param(torch.tanh, "torch.tanh", id="torch"),
        pytest.param(F.relu, "torch.nn.functional.relu", id="functional"),
        pytest.param(nn.Identity(), "torch.nn.modules.linear.Identity", id="module"),
        pytest.param(arctan, f"{__name__}.arctan", id="own"),
        pytest.param(re.compile("x").match, "builtins.getattr", id="method"),
        pytest.param(None, "NoneType", id="none"),
    ],
)
def test_activation_is_named_as_the_pickle_names_it(
    activation: object, name: str, tmp_path: Path
) -> None:
    hyper = {"fusion_activation_fn": activation}
    state = {name: torch.ones(2, 2) for name in NAMES}
    path = tmp_path / "x.ckpt"
    torch.save({"state_dict": state, "hyper_parameters": hyper}, path)
    assert ShimmerCheckpoint(path).activation == name
