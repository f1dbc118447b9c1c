import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gwbricks.bricks import Stage
from gwbricks.config.compose import compose
from gwbricks.config.saved import plain_config
from gwbricks.data import TableDataModule
from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.experiment.build import build_experiment, Experiment
from gwbricks.inference.loaded import load, LoadedRun
from gwbricks.training.module import CONFIG
from gwbricks.workspace import RetrievalRecall, SingleDomainSelection

KINDS = (
    "logger=csv",
    "domains.domain1.trainable=true",
    "domain@domains.domain2=identity",
    "domains.domain2.latent_dim=16",
    "+domain@domains.domain3=vae",
    "domains.domain3.data_dim=5",
    "+data.sizes.domain3=5",
)
"""Linear and trained, identity, and VAE and frozen."""

SIZES = {"domain1": 8, "domain2": 16, "domain3": 5}
SELECTIONS = ("single", "random", "attention")


def write_run(folder: Path, *overrides: str) -> Experiment:
    """Writes what a run would leave if it trained nothing."""
    plain = plain_config(compose(overrides))
    experiment = build_experiment(plain)
    content = {CONFIG: plain, "state_dict": experiment.module.state_dict()}
    (folder / "checkpoints").mkdir(parents=True)
    torch.save(content, folder / "checkpoints" / "best.ckpt")
    return experiment


@pytest.fixture(scope="module", params=SELECTIONS)
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Experiment]:
    folder = tmp_path_factory.mktemp(request.param) / "run"
    selection = f"selection@workspace.selection={request.param}"
    return folder, write_run(folder, *KINDS, selection)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    folder = tmp_path_factory.mktemp("loaded") / "run"
    write_run(folder, *KINDS, "selection@workspace.selection=attention")
    return load(folder, batch_size=5)


def draw(rows: int, *names: str) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    return {n: torch.randn(rows, SIZES[n], generator=generator) for n in names}


@pytest.mark.slow
def test_moved_checkpoint_computes_what_the_graph_does(
    run: tuple[Path, Experiment], tmp_path: Path
) -> None:
    folder, experiment = run
    lone = tmp_path / "elsewhere" / "model.ckpt"
    lone.parent.mkdir()
    shutil.copy(folder / "checkpoints" / "best.ckpt", lone)
    x, collection = draw(6, "domain1"), experiment.module.brick_collection.eval()
    expected = collection(x, Stage.INFERENCE)
    for target in (folder, str(lone)):
        loaded = load(target, batch_size=4)
        assert not any(module.training for module in loaded.module.modules())
        torch.testing.assert_close(loaded.encode(x), expected["state"])
        for name, raw in loaded.broadcast(x).items():
            torch.testing.assert_close(raw, expected[f"{name}/raw"])
            torch.testing.assert_close(raw, loaded.translate(x, to=name))
        cycled, module = loaded.cycle(x), experiment.domains["domain1"].module
        assert cycled.keys() == {"domain1"}
        if not isinstance(loaded.view.selection, SingleDomainSelection):  # it draws
            raw = module.decode(expected["domain1/cycled"])
            torch.testing.assert_close(cycled["domain1"], raw)


def test_several_sources_give_the_same_twice_and_leave_the_random_state_alone(
    run: tuple[Path, Experiment],
) -> None:
    loaded, x = load(run[0]), draw(32, "domain1", "domain3")
    before = torch.get_rng_state()
    first = loaded.translate(x, to="domain2")
    assert loaded.translate(x, to="domain2").equal(first)
    assert torch.get_rng_state().equal(before)
    assert not first.requires_grad
    alone = loaded.translate({"domain1": x["domain1"]}, to="domain2")
    assert not first.equal(alone)


def test_arrays_give_arrays_and_tensors_tensors(loaded: LoadedRun) -> None:
    x = draw(3, "domain1")
    arrays = {name: rows.double().numpy() for name, rows in x.items()}
    state = loaded.encode(arrays)
    assert (type(state), state.dtype) == (np.ndarray, np.float32)
    torch.testing.assert_close(torch.from_numpy(state), loaded.encode(x))
    matches = loaded.retrieve(arrays, draw(4, "domain3"), k=2)
    assert [type(found) for found in matches] == [np.ndarray, np.ndarray]
    one = {"domain1": arrays["domain1"][0][None]}
    assert loaded.translate(one, to="domain3").shape == (1, 5)


def test_batches_make_no_difference(loaded: LoadedRun) -> None:
    x = draw(12, "domain1", "domain2")
    whole = loaded.encode(x)
    rows = [loaded.encode({n: c[i][None] for n, c in x.items()}) for i in range(12)]
    torch.testing.assert_close(whole, torch.cat(rows))


def test_row_of_nan_lacks_the_domain(loaded: LoadedRun) -> None:
    x = draw(4, "domain1", "domain3")
    x["domain1"][[1, 3]] = torch.nan
    x["domain3"][[2, 3]] = torch.nan
    names = ["state", "domain1/state", "domain3-to-domain1", "domain1/raw"]
    found = loaded.run(x, names)
    kept = {name: value.isfinite().all(1).tolist() for name, value in found.items()}
    assert kept == {
        "state": [True, True, True, False],
        "domain1/state": [True, False, True, False],
        "domain3-to-domain1": [True, True, False, False],
        "domain1/raw": [True, True, True, False],
    }
    alone = loaded.encode({"domain3": x["domain3"][1:2]})
    torch.testing.assert_close(found["state"][1:2], alone)
    translated = loaded.translate({"domain3": x["domain3"][:1]}, to="domain1")
    torch.testing.assert_close(found["domain3-to-domain1"][:1], translated)
    through = loaded.cycle(x, through="domain2")
    assert through["domain1"].isfinite().all(1).tolist() == [True, False, True, False]


def test_routes_take_only_what_they_name(loaded: LoadedRun) -> None:
    x = draw(3, "domain1", "domain2")
    names = ["domain1-to-domain3", "domain1+domain2-to-domain3"]
    found = loaded.run(x, [*names, "domain1-through-domain2"])
    alone = {"domain1": x["domain1"]}
    torch.testing.assert_close(found[names[0]], loaded.translate(alone, to="domain3"))
    torch.testing.assert_close(found[names[1]], loaded.translate(x, to="domain3"))
    cycled = loaded.cycle(alone, through=["domain2"])["domain1"]
    torch.testing.assert_close(found["domain1-through-domain2"], cycled)


def test_retrieval_is_that_of_the_recall_metric(loaded: LoadedRun) -> None:
    pairs, k = draw(40, "domain1", "domain2"), 3
    sides = [{name: rows} for name, rows in pairs.items()]
    indices, similarities = loaded.retrieve(*sides, k=k)
    found = (indices == torch.arange(40).unsqueeze(1)).any(1).float().mean()
    metric = RetrievalRecall([k])
    states = loaded.run(pairs, [f"{name}/state" for name in pairs])
    plan = loaded.view.run(pairs, ["plan"])["plan"]
    metric.update({name: states[f"{name}/state"] for name in pairs}, plan)
    assert metric.compute()[f"recall@{k}/domain1-to-domain2"] == found
    query, item = (loaded.encode(side) for side in sides)
    expected = torch.cosine_similarity(query[:, None], item[indices], dim=-1)
    torch.testing.assert_close(similarities, expected)
    assert (similarities.diff(dim=1) <= 0).all()


def test_data_module_gives_raw_data(loaded: LoadedRun) -> None:
    assert isinstance(loaded.data, TableDataModule)
    raw = loaded.data.splits["test"].columns
    assert loaded.encode({"domain3": raw["domain3"]}).shape == (len(raw["domain3"]), 16)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda run: run.translate(draw(2, "domain1"), to="domian2"),
            r"to: unknown name 'domian2'\. Did you mean 'domain2'\?",
            id="to",
        ),
        pytest.param(
            lambda run: run.encode({"domian2": torch.zeros(1, 16)}),
            r"x: unknown name 'domian2'\. Did you mean 'domain2'\?",
            id="source",
        ),
        pytest.param(
            lambda run: run.encode({"domain2": torch.zeros(2, 3)}),
            r"x: 'domain2' has shape \(2, 3\)\. Expected \(rows, 16\)",
            id="shape-of-an-identity",
        ),
        pytest.param(
            lambda run: run.encode({"domain3": torch.zeros(2, 3)}),
            r"x: 'domain3' has shape \(2, 3\)\. Expected \(rows, 5\)",
            id="shape",
        ),
        pytest.param(
            lambda run: run.encode({**draw(2, "domain1"), **draw(3, "domain2")}),
            r"x: the rows differ.*\(domain1: 2, domain2: 3\)",
            id="rows",
        ),
        pytest.param(
            lambda run: run.encode({"domain1": torch.full((1, 8), torch.inf)}),
            "x: 1 rows of 'domain1' hold NaN or infinity among numbers",
            id="infinite",
        ),
        pytest.param(
            lambda run: run.cycle(draw(1, *SIZES)),
            "through: there is no domain to go through. Fix: give fewer domains, or",
            id="no-cycle",
        ),
        pytest.param(
            lambda run: run.cycle(draw(1, "domain1"), through="domian2"),
            r"through: unknown name 'domian2'\. Did you mean",
            id="through",
        ),
        pytest.param(lambda run: run.cycle({}), "x: nothing is given", id="cycle"),
        pytest.param(
            lambda run: run.retrieve(draw(1, "domain1"), draw(3, "domain2"), k=4),
            r"k: 4\. Expected a whole number, 1 or more, and at most the gallery's",
            id="k",
        ),
        pytest.param(
            lambda run: run.retrieve(
                draw(1, "domain1"), {"domain2": torch.full((1, 16), torch.nan)}
            ),
            r"outputs: 'state' needs data that no row has",
            id="nothing-to-retrieve",
        ),
        pytest.param(
            lambda run: run.retrieve(
                {"domain1": torch.tensor([[0.0] * 8, [torch.nan] * 8])},
                draw(5, "domain2"),
            ),
            r"queries: row 1 has no domain, so it has no state\. Fix: leave it out",
            id="row-of-nothing",
        ),
        pytest.param(
            lambda run: run.run(draw(1, "domain1"), ["stat"]),
            r"outputs: unknown name 'stat'\. Did you mean 'state'\?",
            id="output",
        ),
        pytest.param(
            lambda run: run.run(draw(1, "domain1"), ["domain2/latent"]),
            "outputs: 'domain2/latent' needs data that no row has",
            id="output-without-data",
        ),
    ],
)
def test_what_cannot_be_computed_is_an_error(
    loaded: LoadedRun, call: Callable[[Any], object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        call(loaded)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"device": "cdua"}, "device: 'cdua': .* Fix: 'cpu'", id="device"),
        pytest.param(
            {"batch_size": 0}, r"batch_size: 0\. Expected 1 or more", id="batch-size"
        ),
    ],
)
def test_wrong_settings_are_an_error(
    run: tuple[Path, Experiment], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load(run[0], **settings)


def test_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no run folder with checkpoints"):
        load(tmp_path)


CLASSIFIER = (
    "experiment=digits_classifier",
    "logger=csv",
    "bricks.backbone.model.widths=[2,2,2]",
)


def test_run_without_a_workspace_computes_names_but_no_translation(
    tmp_path: Path,
) -> None:
    write_run(tmp_path, *CLASSIFIER)
    loaded = load(tmp_path)
    assert loaded.domains == ()
    x = {"pix": torch.rand(3, 240)}
    assert loaded.run(x, ["probabilities"])["probabilities"].shape == (3, 10)
    for call in (loaded.encode, loaded.broadcast, loaded.cycle):
        with pytest.raises(ConfigError, match=r"has no workspace\. Fix: a run"):
            call(x)
    with pytest.raises(ConfigError, match="to: the graph has no workspace"):
        loaded.translate(x, to="pix")
    message = r"x: 'pix' has shape \(3, 5\)\. Expected \(rows, 240\)"
    with pytest.raises(ConfigError, match=message):  # the data set tells
        loaded.run({"pix": torch.rand(3, 5)}, ["probabilities"])


MINE = """
from gwbricks.domains import LinearDomain
class Mine(LinearDomain):
    pass
"""


def test_package_of_the_user_must_be_trusted_and_data_need_not_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine_of_test.py").write_text(MINE)
    rows = {name: np.ones((20, SIZES[name]), np.float32) for name in SIZES}
    np.savez(tmp_path / "rows.npz", allow_pickle=False, **rows)
    plain = plain_config(compose([*KINDS, "trainer.max_epochs=1"]))
    plain["domains"]["domain1"]["module"]["_target_"] = "mine_of_test.Mine"
    data = {"_target_": "gwbricks.data.TensorsData", "domains": list(SIZES)}
    plain["data"] = {**data, "files": str(tmp_path / "rows.npz"), "batch_size": 4}
    weights = build_experiment(plain, ["mine_of_test"]).module.state_dict()
    torch.save({CONFIG: plain, "state_dict": weights}, tmp_path / "x.ckpt")
    (tmp_path / "rows.npz").unlink()
    with pytest.raises(ConfigError, match=r"'mine_of_test\.Mine' is not allowed"):
        load(tmp_path / "x.ckpt")
    loaded = load(tmp_path / "x.ckpt", trust="mine_of_test")
    assert loaded.encode(draw(2, "domain1")).shape == (2, 16)
    with pytest.raises(ConfigError, match=r"data\.files: no file"):
        _ = loaded.data.splits  # pyright: ignore[reportAttributeAccessIssue] - of a TableDataModule
