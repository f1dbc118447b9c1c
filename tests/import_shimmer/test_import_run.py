import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn, Tensor

from gwbricks.bricks import Stage
from gwbricks.config.compose import compose
from gwbricks.data import as_named_inputs
from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.import_shimmer import import_shimmer
from gwbricks.import_shimmer.checkpoint import ShimmerCheckpoint
from gwbricks.import_shimmer.config_draft import Draft
from gwbricks.import_shimmer.workspace import draft_workspace
from gwbricks.inference.evaluate import evaluate, rebuild
from gwbricks.inference.export import export
from gwbricks.runs.check import check

Imported = Callable[..., Path]
TYPE = "routes@workspace.routes=simple"
HYPER: dict[str, Any] = {"workspace_dim": 4, "fusion_activation_fn": torch.tanh}


class Calling:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (self.folder,)


def weights(**modules: nn.Module) -> dict[str, Tensor]:
    """A state dict in Shimmer's names, of two domains with linear coders."""
    parts = {
        f"gw_mod.gw_{coder}s.{domain}": nn.Linear(*sizes)
        for domain in "tv"
        for coder, sizes in {"encoder": (3, 4), "decoder": (4, 3)}.items()
    }
    named = {name.replace("__", "."): module for name, module in modules.items()}
    return {
        f"{name}.{key}": tensor
        for name, module in {**parts, **named}.items()
        for key, tensor in module.state_dict().items()
    }


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Path, str]]:
    """Imports what is given as a checkpoint; returns the run folder and the report."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(content: object, *overrides: str) -> tuple[Path, str]:
        torch.save(content, "gw.ckpt")
        folder = import_shimmer(Path("gw.ckpt"), ["logger=csv", *overrides])
        return folder, capsys.readouterr().out

    return run


def config_of(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "config.yaml").read_text())


def test_folder_is_that_of_a_run(imported: Imported) -> None:
    folder = imported("fusion_three.ckpt")
    assert json.loads((folder / "run.json").read_text())["status"] == "finished"
    config = config_of(folder)
    assert sorted(config["domains"]) == ["a", "t", "v"]
    assert config["workspace"]["dim"] == 4
    assert config["workspace"]["selection"]["temperature"] == 0.5
    assert config["domains"]["a"]["latent_dim"] == 2
    assert config["domains"]["a"]["encoder"]["n_layers"] == 2
    assert config["loss_coefs"]["fused"] == 0.75
    assert config["paths"]["run"] == str(folder)
    report = json.loads((folder / "import.json").read_text())
    rows = {row["theirs"]: (row["ours"], row["note"]) for row in report["table"]}
    assert rows["GlobalWorkspaceFusion"] == ("workspace.routes", "fusion")
    assert rows["gw_encoders.t"] == ("bricks.gw.t.encode", "MLP 3-5-5-5-4")
    assert rows["domain_mods.t"] == ("", "4 tensors, of code of yours")
    assert rows["optimizer_states"] == ("", "training starts anew")
    assert rows["loss_mod"][1].endswith("copies of the tensors above")


def test_checkpoint_is_plain_data_with_every_tensor_once(imported: Imported) -> None:
    path = imported("simple_two.ckpt") / "checkpoints" / "best.ckpt"
    state = torch.load(path, weights_only=True)["state_dict"]
    addresses = [tensor.data_ptr() for tensor in state.values() if tensor.numel()]
    assert len(addresses) == len(set(addresses)) == 4 * 6 + 1


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        pytest.param(
            "simple_three",
            {"routes": "SimpleRoutes", "selection": "SingleDomainSelection"},
            id="simple",
        ),
        pytest.param(
            "fusion_two",
            {"routes": "FusionRoutes", "selection": "RandomSelection"},
            id="fusion",
        ),
    ],
)
def test_flavour_and_kinds_of_parts_are_found(
    imported: Imported, name: str, parts: dict[str, str]
) -> None:
    config = config_of(imported(f"{name}.ckpt"))
    is_fusion = name == "fusion_two"
    for part, expected in parts.items():
        assert config["workspace"][part]["_target_"].endswith(f".{expected}")
    assert config["workspace"]["contrastive"]["learn_scale"] is not is_fusion
    activation = config["workspace"]["fusion"]["activation"]["_target_"]
    assert activation == f"torch.nn.{'Sigmoid' if is_fusion else 'Tanh'}"
    encoder = config["domains"]["v"]["encoder"]
    assert encoder["_target_"].endswith("LinearCoder" if is_fusion else "GWEncoder")
    assert encoder["bias"] is not is_fusion
    assert config["domains"]["v"]["decoder"]["n_layers"] == 0


def test_run_can_be_evaluated(imported: Imported) -> None:
    results = evaluate(imported("simple_two.ckpt"), ["data.num_test=8"])
    assert results["test/loss"] > 0
    assert {"test/mse/t-to-v", "test/translations/t-to-v"} <= results.keys()


@pytest.mark.slow
def test_run_can_be_exported(imported: Imported, tmp_path: Path) -> None:
    path = tmp_path / "v-to-t.pt2"
    exported = export(imported("simple_two.ckpt"), ["v"], ["t/raw"], path)
    assert exported.difference < 1e-5


def test_bricks_can_start_from_the_run(
    imported: Imported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = imported("simple_two.ckpt")
    overrides = (folder / "overrides.yaml").read_text()
    cfg = compose([*yaml.safe_load(overrides), f"+bricks.gw.from={folder}"])
    ours = check(cfg).module.brick_collection.state_dict()
    theirs = rebuild(folder).module.brick_collection.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_domain_that_is_chosen_takes_the_modules_weights(
    fixtures: Path, recorded: dict[str, Any], run: Callable[..., Any], tmp_path: Path
) -> None:
    del run  # it enters a folder of its own
    own = ["domain@domains.v=linear", "domains.v.data_dim=5", "domains.v.latent_dim=4"]
    folder = import_shimmer(fixtures / "simple_two.ckpt", ["logger=csv", *own])
    collection = rebuild(folder).module.brick_collection.double()
    for group in recorded["simple_two.ckpt"]["groups"]:
        if "v" in group["raw"]:
            rows = torch.tensor(group["raw"]["v"]).double()
            inputs = as_named_inputs({"v": rows})
            values = collection.run(inputs, Stage.INFERENCE, outputs=["v/latent"])
            expected = torch.tensor(group["latents"]["v"]).double()
            torch.testing.assert_close(values["v/latent"], expected)
    assert (tmp_path / "outputs").is_dir()


def test_nothing_that_the_file_has_pickled_runs(
    run: Callable[..., tuple[Path, str]], tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    evil = Calling(flag)
    content = {
        "state_dict": {**weights(), "loss_mod.extra": evil},
        "hyper_parameters": {**HYPER, "scheduler": evil},
        "callbacks": {"a": evil},
        "evil": evil,
    }
    folder, out = run(content)
    assert not flag.exists()
    assert (folder / "checkpoints" / "best.ckpt").is_file()
    assert "loss_mod.extra" in out
    assert "unknown" in out


def test_report_says_what_was_left_and_why(
    run: Callable[..., tuple[Path, str]],
) -> None:
    parts = {
        "selection_mod__query_layer": nn.Linear(4, 2),
        "loss_mod__contrastive_fn__net": nn.Linear(4, 2),
        "gw_mod__domain_mods__v__net": nn.Linear(4, 2),
    }
    coefs = {"cycles": 1.0, "fused": -1.0, "translation_v_to_t": 1.0}
    hyper = {**HYPER, "loss_coefs": coefs}
    folder, out = run({"state_dict": weights(**parts), "hyper_parameters": hyper})
    for shown in (
        "2 tensors, with no equal here",
        "selection_mod: attention here reads encodings, not latents",
        "2 tensors, of code of yours",
        "clip, gwbricks' own",
        "no number of 0 or more",
        "no kind of loss here",
        "v: its data are the latents that its module made",
        "loss_coefs: the objective is their weighted sum, not its mean",
        "data: random numbers stand in",
    ):
        assert shown in out
    assert config_of(folder)["loss_coefs"] == {"cycles": 1.0}


def test_state_dict_alone_needs_its_flavour(
    run: Callable[..., tuple[Path, str]],
) -> None:
    with pytest.raises(ConfigError, match=r"does not say which Global .*Fix: routes@"):
        run(weights())
    folder, out = run(weights(), TYPE)
    assert "Tanh, Shimmer's default" in out
    assert "loss_coefs: assumed, as the file has none above 0" in out
    kinds = {"translations", "demi_cycles", "cycles", "contrastives"}
    assert config_of(folder)["loss_coefs"].keys() == kinds


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param(
            {"gw_mod.gw_decoders.v.weight": None, "gw_mod.gw_decoders.v.bias": None},
            CheckpointError,
            "the domain 'v' has no GW decoder",
            id="no-decoder",
        ),
        pytest.param(
            {"loss_mod.gw_mod.gw_encoders.v.bias": torch.ones(4)},
            CheckpointError,
            "two versions of 'encoders.v.bias' in the file differ",
            id="copies-differ",
        ),
        pytest.param(
            {"gw_mod.gw_encoders.v.weight": torch.ones(4, 7)},
            ConfigError,
            "'v' has latents of 7 features before its GW encoder and of 3 behind",
            id="latents-differ",
        ),
        pytest.param(
            {
                "gw_mod.gw_encoders.v.weight": torch.ones(5, 3),
                "gw_mod.gw_encoders.v.bias": torch.ones(5),
            },
            CheckpointError,
            r"domains.v.encoder: the weights do not fit .*\(5, 3\) for \(4, 3\)",
            id="states-differ",
        ),
        pytest.param(
            {"gw_mod.gw_encoders.v.norm.weight": torch.ones(4)},
            ConfigError,
            r"domains.v.encoder: gw_encoders.v is no GWEncoder and no linear map; it"
            r" has weight, .*Fix: domains.v.encoder._target_=YOUR.CLASS --trust",
            id="unknown-coder",
        ),
        pytest.param(
            {f"gw_mod.gw_{c}coders.a b.weight": torch.ones(3, 3) for c in ("en", "de")},
            CheckpointError,
            "'a b' cannot be a domain's name here",
            id="name",
        ),
    ],
)
def test_what_does_not_fit_is_an_error_and_nothing_is_written(
    change: dict[str, Tensor | None],
    error: type[Exception],
    message: str,
    run: Callable[..., tuple[Path, str]],
) -> None:
    state = {n: t for n, t in {**weights(), **change}.items() if t is not None}
    with pytest.raises(error, match=message):
        run({"state_dict": state, "hyper_parameters": HYPER})
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    "content",
    [{"a": 1}, [1], {"state_dict": {"x": torch.ones(1)}}, {"state_dict": 3}],
    ids=str,
)
def test_what_is_no_global_workspace_is_an_error(
    content: object, run: Callable[..., tuple[Path, str]]
) -> None:
    with pytest.raises(CheckpointError, match="holds no Global Workspace of Shimmer"):
        run(content)


def test_unknown_activation_is_an_error_until_one_is_given(
    run: Callable[..., tuple[Path, str]],
) -> None:
    hyper = {**HYPER, "fusion_activation_fn": torch.arctan}
    content = {"state_dict": weights(), "hyper_parameters": hyper}
    with pytest.raises(ConfigError, match=r"activation: 'torch.arctan' is no .*Fix:"):
        run(content)
    draft = Draft(["workspace.fusion.activation._target_=torch.nn.Softsign"])
    draft_workspace(draft, ShimmerCheckpoint(Path("gw.ckpt")))
    assert ("fusion_activation_fn", "workspace.fusion.activation") in [
        row[:2] for row in draft.rows
    ]


@pytest.mark.slow
def test_other_coders_are_those_that_are_given(
    run: Callable[..., tuple[Path, str]],
) -> None:
    own = nn.Sequential(nn.Linear(3, 5), nn.Dropout(), nn.Linear(5, 4))
    state = {n: t for n, t in weights().items() if "encoders.v" not in n}
    state |= {f"gw_mod.gw_encoders.v.{n}": t for n, t in own.state_dict().items()}
    changes = ["activation={_target_: torch.nn.Dropout}", "hidden_dim=5", "n_layers=0"]
    given = [f"domains.v.encoder.{change}" for change in changes]
    target = "domains.v.encoder._target_=gwbricks.workspace.GWEncoder"
    folder, out = run({"state_dict": state, "hyper_parameters": HYPER}, target, *given)
    assert "4 tensors, as you chose" in out
    weight = rebuild(folder).domains["v"].encoder.state_dict()["2.weight"]
    assert torch.equal(weight, own.state_dict()["2.weight"])


def test_ranking_loss_of_shimmer_ssd_is_known(tmp_path: Path) -> None:
    name = "loss_mod.contrastive_fn.clip_contrastive_loss.logit_scale"
    path = tmp_path / "gw.ckpt"
    state = {**weights(), name: torch.ones(1)}
    torch.save({"state_dict": state, "hyper_parameters": HYPER}, path)
    draft = Draft([])
    draft_workspace(draft, ShimmerCheckpoint(path))
    assert "contrastive@workspace.contrastive=vse" in draft.overrides()
    assert ("contrastive_fn", "workspace.contrastive", "vse") in draft.rows
    assert any("does not hold the margin" in note for note in draft.notes)


def test_the_file_is_left_as_it_is(
    run: Callable[..., tuple[Path, str]], tmp_path: Path
) -> None:
    path = tmp_path / "gw.ckpt"
    run(weights(), TYPE)
    before = path.read_bytes(), path.stat().st_mtime_ns
    folder = import_shimmer(path, ["logger=csv", TYPE])
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert folder.name == "gw-2"


def test_the_users_own_choices_win(run: Callable[..., tuple[Path, str]]) -> None:
    content = {"state_dict": weights(), "hyper_parameters": {**HYPER, "optim_lr": 0.5}}
    folder, out = run(
        content,
        "selection@workspace.selection=shared",
        "contrastive@workspace.contrastive=vse",
        "optimizer=sgd",
        "seed=3",
    )
    config = config_of(folder)
    assert config["workspace"]["selection"]["_target_"].endswith("SharedSelection")
    assert config["workspace"]["contrastive"]["_target_"].endswith("RankingLoss")
    assert (config["optimizer"]["lr"], config["seed"]) == (0.05, 3)
    assert "0.5, but you chose otherwise" in out
