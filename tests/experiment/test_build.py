import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import torch

from gwbricks.bricks import BrickCollection
from gwbricks.config.compose import compose
from gwbricks.config.problems import config_problems
from gwbricks.config.saved import plain_config
from gwbricks.errors import ConfigError
from gwbricks.experiment.build import build_experiment

OWN = """
from gwbricks import BrickNotTrainable, gw_bricks
from torch import nn

def compose(domains, workspace, loss_coefs):
    return gw_bricks(domains, workspace, loss_coefs)

class Names(BrickNotTrainable):
    def __init__(self, workspace, domains):
        super().__init__(nn.Identity(), [sorted(domains)[0]], ["first"])
        self.fusion = workspace.fusion

def other_gw_bricks(x):
    return {"copy": BrickNotTrainable(nn.Identity(), [x], ["copy"])}

def of_sizes(domains, workspace):
    return other_gw_bricks(f"domain{domains - workspace}")
"""
TRUSTED = ("own_bricks",)

BRICK = {
    "_target_": "gwbricks.BrickNotTrainable",
    "model": {"_target_": "torch.nn.Identity"},
    "input_names": ["label"],
    "output_names": ["copy"],
}


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        pytest.param([], r"domain1, domain2\.$", id="vectors"),
        pytest.param(
            ["data=tensors", "data.files=rows.pt", "~data.sizes"],
            r"domain1, domain2\. Fix: name a column that is no domain in data\.labels",
            id="arrays",
        ),
    ],
)
def test_brick_that_reads_what_the_data_lacks_is_told_what_there_is(
    overrides: list[str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {"domain1": torch.zeros(40, 8), "domain2": torch.zeros(40, 16)}
    torch.save(rows, "rows.pt")
    sizes = ["domains.domain1.data_dim=8", "domains.domain2.data_dim=16"]
    config = plain_config(compose([*sizes, *overrides] if overrides else []))
    config["bricks"]["copy"] = BRICK
    message = rf"copy\.input_names: unknown name 'label'.* The data has {hint}"
    with pytest.raises(ConfigError, match=message):
        build_experiment(config)


def test_an_experiment_is_made_whole_and_not_changed_after() -> None:
    experiment = build_experiment(plain_config(compose()))
    before = dict(vars(experiment.module))
    own, saved = {**experiment.config, "seed": 7}, {"seed": 7, "token": "***"}
    run = experiment.in_folder(Path("run"), own, saved)
    assert run.config == own
    assert (run.module.config, run.module.folder) == (saved, Path("run"))
    assert run.module.brick_collection is experiment.module.brick_collection
    assert vars(experiment.module) == before
    with pytest.raises(FrozenInstanceError):
        experiment.config = own  # pyright: ignore[reportAttributeAccessIssue] - it is frozen


@pytest.fixture
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_bricks.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_bricks", raising=False)


def built(*overrides: str) -> BrickCollection:
    """Checks and builds the graph of the main example."""
    cfg = compose(overrides)
    assert config_problems(cfg, TRUSTED) == []
    return build_experiment(plain_config(cfg), TRUSTED).module.brick_collection


def read_by_copy(graph: BrickCollection) -> list[str]:
    return list(graph.flat()["other.copy"].input_names)


@pytest.mark.usefixtures("_own")
def test_a_function_of_ones_own_composes_the_graph_of_the_workspace() -> None:
    graph = built("bricks.gw._target_=own_bricks.compose", "~bricks.gw.trainable")
    own, shipped = graph.state_dict(), built().state_dict()
    assert own.keys() == shipped.keys()
    assert all(torch.equal(own[name], shipped[name]) for name in shipped)


@pytest.mark.usefixtures("_own")
def test_a_class_of_ones_own_is_given_the_sections_that_it_takes() -> None:
    brick = built("+bricks.names._target_=own_bricks.Names").flat()["names"]
    assert type(brick).__name__ == "Names"
    assert type(brick.fusion).__name__ == "WeightedSum"


@pytest.mark.usefixtures("_own")
def test_a_name_alone_makes_nobody_take_the_workspace() -> None:
    node = "{_target_: own_bricks.other_gw_bricks, x: domain1}"
    assert read_by_copy(built(f"+bricks.other={node}")) == ["domain1"]


@pytest.mark.usefixtures("_own")
def test_arguments_of_the_config_come_before_its_sections() -> None:
    node = "{_target_: own_bricks.of_sizes, domains: 3, workspace: 1}"
    assert read_by_copy(built(f"+bricks.other={node}")) == ["domain2"]


@pytest.mark.usefixtures("_own")
@pytest.mark.parametrize(
    "target", ["own_bricks.compose", "gwbricks.workspace.gw_bricks"]
)
def test_who_composes_a_workspace_needs_one(target: str) -> None:
    config = plain_config(compose()) | {"workspace": None, "domains": {}}
    config["bricks"] = {"mine": {"graph": {"_target_": target}}}
    message = r"^bricks\.mine\.graph: there is no workspace\. Fix: workspace=gw\.$"
    with pytest.raises(ConfigError, match=message):
        build_experiment(config, TRUSTED)


def test_what_is_no_brick_itself_is_given_no_sections() -> None:
    parts = "selection: ${workspace.selection}, fusion: ${workspace.fusion}"
    fuse = f"{{_target_: gwbricks.workspace.Fuse, {parts}}}"
    names = "input_names: [plan], output_names: [x]"
    brick = f"{{_target_: gwbricks.BrickTrainable, model: {fuse}, {names}}}"
    assert config_problems(compose([f"+bricks.mine={brick}"])) == [
        "bricks.mine.model.domains: missing. Fuse needs domains."
    ]
