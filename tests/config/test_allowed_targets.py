import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from gwbricks.config.allowed_targets import resolve_target
from gwbricks.errors import ConfigError
from gwbricks.workspace import gw_bricks, SharedSelection

OWN = """
from pathlib import Path
from torch import nn

Path("imported").touch()

class Mine(nn.Module):
    pass

def compose(x):
    return {}
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the user's, in the working directory."""
    (tmp_path / "own_targets.py").write_text(OWN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_targets", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        pytest.param("torch.nn.Linear", "bricks.x.model", nn.Linear, id="class"),
        pytest.param(
            "gwbricks.workspace.SharedSelection",
            "workspace.selection",
            SharedSelection,
            id="role",
        ),
        pytest.param("gwbricks.workspace.gw_bricks", "bricks.gw", gw_bricks, id="own"),
        pytest.param(
            "torch.nn.functional.relu", "bricks.x.model", nn.functional.relu, id="torch"
        ),
    ],
)
def test_what_is_on_the_list_is_found(name: str, key: str, expected: object) -> None:
    assert resolve_target(name, key) is expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "os.system", r"'os\.system' is not allowed\..*\*\.$", id="library"
        ),
        pytest.param(
            "gwbricks.config.compose.compose", "is not a class that", id="function"
        ),
        pytest.param(
            "gwbricks.workspace.graph.gw_bricks.gw_bricks",
            "is not a class that a config may build",
            id="another-name-of-a-function",
        ),
        pytest.param("torch.nn.modules.linear.math.sqrt", "is not a class", id="math"),
        pytest.param("gwbricks.errors.ConfigError", "is not a class", id="exception"),
        pytest.param("gwbricks.workspace.Selection", "is abstract", id="abstract"),
        pytest.param(3, r"3\. Expected a dotted name\.", id="number"),
    ],
)
def test_what_is_not_on_the_list_is_refused(name: object, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^bricks\.x\._target_: .*{message}"):
        resolve_target(name, "bricks.x")


@pytest.mark.parametrize(
    ("name", "key", "role"),
    [
        pytest.param("torch.nn.Linear", "optimizer", "Optimizer", id="optimizer"),
        pytest.param("torch.nn.Linear", "data.sets.ood", "FurtherSet", id="set"),
        pytest.param(
            "torch.nn.Linear",
            "domains.v.pretrain.scheduler",
            "LRScheduler or ReduceLROnPlateau",
            id="scheduler",
        ),
        pytest.param(
            "gwbricks.workspace.gw_bricks", "workspace.fusion", "Module", id="function"
        ),
    ],
)
def test_a_key_takes_its_own_kind_only(name: str, key: str, role: str) -> None:
    message = rf"^{key}\._target_: '{name}' is no {role}\. Expected a class of that"
    with pytest.raises(ConfigError, match=message):
        resolve_target(name, key)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param(
            "gwbricks.bag_of_bricks.MPL",
            " Did you mean 'gwbricks.bag_of_bricks.MLP'? Fix:",
            id="few",
        ),
        pytest.param(
            "torch.nn.Linaer",
            " Did you mean 'torch.nn.Linear'? Nearest names: Bilinear, ",
            id="many",
        ),
        pytest.param("gwbricks.losses.Qqqq", " Fix: the name of a class in", id="far"),
    ],
)
def test_close_match_is_named_in_full(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_target(name, "bricks.x")
    assert f"bricks.x._target_: '{name}' does not exist.{hint}" in str(caught.value)


def test_package_that_is_not_trusted_is_not_even_imported(own: Path) -> None:
    with pytest.raises(ConfigError, match=r"Fix: if you trust .* --trust own_targets"):
        resolve_target("own_targets.Mine", "bricks.x")
    with pytest.raises(ConfigError, match="is not allowed"):
        resolve_target("own_targets.Mine", "bricks.x", ["own", "own_targets.sub"])
    assert not (own / "imported").exists()


@pytest.mark.usefixtures("own")
def test_trusted_package_may_be_anything_but_of_the_wrong_kind() -> None:
    trusted = ["own_targets"]
    made = resolve_target("own_targets.compose", "bricks.x", trusted)
    assert made(torch.zeros(1)) == {}
    with pytest.raises(ConfigError, match="is no Optimizer"):
        resolve_target("own_targets.Mine", "optimizer", trusted)
