"""Runs what docs/from_shimmer.md shows, and looks up every name on it."""

import re
import shlex
import shutil
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from omegaconf import OmegaConf
from torch.utils.data import DataLoader

from gwbricks import GlobalWorkspaceFusion, GWDecoder, GWEncoder
from gwbricks.cli.main import COMMANDS, main
from gwbricks.config.compose import compose
from gwbricks.domains import LinearDomain

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "from_shimmer.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```bash\n(.*?)```", PAGE, re.S)
LINES = [line for block in SHOWN for line in block.splitlines()]
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line[:2] == "| "]
NAMED = sorted({n for row in ROWS for n in re.findall(r"`([^`]+)`", row[1])})
PUBLIC = set(
    """
    SchedulerArgs GlobalWorkspaceBase GlobalWorkspace2Domains GlobalWorkspaceFusion
    pretrained_global_workspace LossOutput DomainModule GWDecoder GWEncoder GWModuleBase
    GWModule GWModulePrediction ContrastiveLossType contrastive_loss ContrastiveLoss
    LossCoefs BroadcastLossCoefs combine_loss GWLossesBase GWLosses GWLosses2Domains
    RepeatedDataset batch_cycles batch_demi_cycles batch_translations batch_broadcasts
    broadcast broadcast_cycles cycle translation MIGRATION_DIR migrate_model
    SaveMigrations RandomSelection SelectionBase SingleDomainSelection
    FixedSharedSelection DynamicQueryAttention DomainDesc ShimmerDataset DataDomain
    SizedDataset VAE VAEEncoder VAEDecoder reparameterize kl_divergence_loss
    gaussian_nll
    RawDomainGroupT RawDomainGroupDT RawDomainGroupsT RawDomainGroupsDT
    LatentsDomainGroupT LatentsDomainGroupDT LatentsDomainGroupsT LatentsDomainGroupsDT
    ModelModeT
""".split()  # noqa: SIM905 - a list of names is easier to read without quotes
)
"""What `from shimmer import …` and its modules offer."""

ADVICE = pytest.mark.filterwarnings(
    "ignore:You defined a `validation_step`",  # Lightning's
    "ignore:.*module.s. in eval mode",  # Lightning's, of frozen domains
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's files, a checkpoint of Shimmer, and saved latents."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name, text in re.findall(
        r"`([\w/.]+\.yaml)`:\n\n```yaml\n(.*?)```", PAGE, re.S
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    fixture = ROOT / "tests" / "fixtures" / "shimmer" / "simple_two.ckpt"
    shutil.copy(fixture, "gw.ckpt")
    generator = np.random.default_rng(0)
    v, t = (generator.normal(size=(120, size)) for size in (4, 3))
    np.savez("latents.npz", v=v, t=t)
    return tmp_path


@ADVICE
def test_script_with_other_import_lines_prints_what_is_shown() -> None:
    (diff,) = re.findall(r"```diff\n(.*?)```", PAGE, re.S)
    changes = re.findall(r"^([+-])from (\w+)\S* import (.*)$", diff, re.M)
    names = {
        sign: {n for s, _, listed in changes if s == sign for n in listed.split(", ")}
        for sign in "+-"
    }
    assert names["+"] == names["-"]
    ((code, shown),) = re.findall(
        r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.S
    )
    script = "\n".join(re.findall(r"^\+(.*)$", diff, re.M)) + f"\n{code}"
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(script, "docs/from_shimmer.md", "exec"), {"__name__": "script"})
    assert printed.getvalue() == shown


@pytest.mark.usefixtures("project")
def test_import_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    ((command, shown),) = re.findall(
        r"```console\n\$ (gwbricks [^\n]*)\n(.*?)```", PAGE, re.S
    )
    assert main(shlex.split(command)[1:]) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in printed if line] == [
        line for line in shown.splitlines() if line
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_every_command_works_in_order() -> None:
    assert main(["import-shimmer", "gw.ckpt"]) == 0
    assert len(LINES) > 5
    for line in LINES:
        assert main(shlex.split(line)[1:]) == 0, line
    assert Path("v-to-t.pt2").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_shown_config_is_without_mistakes() -> None:
    assert main(["check", "experiment=mine"]) == 0


def test_every_public_name_of_shimmer_is_on_the_page() -> None:
    theirs = {n for row in ROWS for n in re.findall(r"`(\w+)`", row[0])}
    assert theirs >= PUBLIC


def test_every_name_of_gwbricks_on_the_page_exists() -> None:
    names = [name.rpartition(".") for name in NAMED if name.startswith("gwbricks.")]
    assert len(names) > 20
    for home, _, attribute in names:
        assert hasattr(import_module(home), attribute), attribute


def test_every_config_key_on_the_page_exists() -> None:
    cfg = compose(["selection@workspace.selection=random"])
    keys = [n for n in NAMED if re.fullmatch(r"(?!gwbricks)[a-z_]+(\.\w+)*", n)]
    assert len(keys) > 20
    for key in keys:
        node, _, name = key.replace("NAME", "domain1").rpartition(".")
        assert name in OmegaConf.select(cfg, node) if node else name in cfg, key


def test_every_override_on_the_page_composes() -> None:
    overrides = [name for name in NAMED if "=" in name and "=RUN" not in name]
    assert len(overrides) > 8
    named = [o.replace("NAME", "extra").replace("OPTION", "mlp") for o in overrides]
    cfg = compose([*named, "domains.extra.data_dim=8"])
    assert cfg.trainer.max_steps == 1000


def test_every_command_on_the_page_exists() -> None:
    used = [n for n in NAMED if n.startswith("gwbricks ")]
    assert {*used, *LINES}
    assert all(name.split()[1] in COMMANDS for name in (*used, *LINES))


@ADVICE
def test_every_logged_name_on_the_page_is_logged() -> None:
    modules: dict[str, Any] = {name: LinearDomain(5, 4) for name in "atv"}
    modules["v"].unfreeze()
    coefs: dict[str, Any] = dict.fromkeys(
        ("translations", "demi_cycles", "cycles", "fused", "contrastives"), 1.0
    )
    workspace = GlobalWorkspaceFusion(
        modules,
        {name: GWEncoder(4, 5, 6, 0) for name in modules},
        {name: GWDecoder(6, 5, 4, 0) for name in modules},
        workspace_dim=6,
        loss_coefs=coefs,
    )
    groups = ("v", "tv", "atv")
    batch = {
        frozenset(group): {name: torch.randn(3, 5) for name in group}
        for group in groups
    }
    trainer = Trainer(
        max_epochs=1,
        log_every_n_steps=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    batches: Any = [batch, batch]
    trainer.fit(workspace, DataLoader(batches, batch_size=None))
    wanted = {name for name in NAMED if name.startswith("train/")}
    assert len(wanted) > 5
    assert wanted <= trainer.callback_metrics.keys()
