import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, ListConfig

from gwbricks.config.compose import compose
from gwbricks.config.groups import groups, options_of
from gwbricks.config.search_path import packaged_configs
from gwbricks.runs.check import check
from gwbricks.runs.train import Place, train

CONFIGS = packaged_configs()
FILES = sorted(path.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*.yaml"))
EXPERIMENTS = options_of("experiment")
LONGER = ("cifar10", "digits_attention", "digits_ood", "digits_six", "ten_domains")
OPTIONS = [(group, option) for group in groups() for option in options_of(group)]

PLACES = {
    "bricks": "bricks=[gw,{}]",
    "contrastive": "contrastive@workspace.contrastive={}",
    "corruption": "corruption@workspace.corruption={}",
    "decoder": "decoder@domains.domain1.decoder={}",
    "domain": "+domain@domains.extra={}",
    "encoder": "encoder@domains.domain1.encoder={}",
    "pretrain": "pretrain@domains.domain1.pretrain={}",
    "routes": "routes@workspace.routes={}",
    "selection": "selection@workspace.selection={}",
    "set": "+set@data.sets.extra={}",
}
"""Overrides that choose an option of a group that is not at the root."""

SHORT_DOMAINS = [
    f"domains.{view}.pretrain.trainer.max_epochs=1" for view in ("fou", "kar", "pix")
]
"""Overrides of an experiment that another starts from."""

NEEDS = {
    "data/tensors": ["data.files=x.npz", "~data.sizes", "domains.domain1.data_dim=8"],
    "data/cifar10": ["~data.sizes", "domains.domain1.data_dim=8"],
    "data/digits": ["~data.sizes", "domains.domain1.data_dim=8"],
    "domain": ["domains.extra.data_dim=8"],
    "domain/identity": ["domains.extra.latent_dim=8"],
    "set/held_out": ["data.sets.extra.values=[1]"],
}
"""What else an option cannot do without, by its name or its group's."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pretrained")


def short(*overrides: str) -> DictConfig:
    """Composes with one epoch of whatever is trained before the run itself."""
    cfg = compose([*overrides, "logger=csv"])
    for domain in cfg.domains.values():
        if domain.pretrain is not None:
            domain.pretrain.trainer.max_epochs = 1
    for brick in cfg.bricks.values():
        if isinstance(brick.get("from"), ListConfig):
            brick["from"] += ["trainer.max_epochs=1", *SHORT_DOMAINS]
    return cfg


@pytest.mark.usefixtures("cifar10")  # as if it were downloaded
@pytest.mark.parametrize(
    "experiment",
    [pytest.param(e, marks=[pytest.mark.slow] * (e in LONGER)) for e in EXPERIMENTS],
)
def test_experiment_passes_the_check_and_trains_one_batch(
    experiment: str, pretrained: Path
) -> None:
    cfg = short(
        f"experiment={experiment}",
        "debug=one_batch",
        f"paths.pretrained={pretrained}",
        "data.batch_size=16",
    )
    check(cfg)
    results = train(cfg, Place(experiment, "run"))
    assert results["train/loss"] > 0
    assert results["test/loss"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes(group: str, option: str) -> None:
    override = PLACES.get(group, f"{group}={{}}").format(option)
    needs = NEEDS.get(f"{group}/{option}", NEEDS.get(group, []))
    cfg = compose([override, *needs] if group != "debug" else [override])
    assert cfg.seed == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(["optimizer=adam"], id="adam"),
        pytest.param(["optimizer=sgd"], id="sgd"),
        pytest.param(["scheduler=null"], id="constant-rate"),
        pytest.param(["scheduler=cosine"], id="cosine"),
        pytest.param(["scheduler=plateau"], id="plateau"),
        pytest.param(["callbacks=early_stopping"], id="early-stopping"),
        pytest.param(["selection@workspace.selection=random"], id="random"),
        pytest.param(["selection@workspace.selection=shared"], id="shared"),
        pytest.param(["routes@workspace.routes=fusion"], id="fusion"),
        pytest.param(["corruption@workspace.corruption=noise"], id="noise"),
        pytest.param(["corruption@workspace.corruption=mask"], id="mask"),
        pytest.param(["debug=overfit", "trainer.max_epochs=1"], id="overfit"),
        pytest.param(
            ["+domain@domains.a=identity", "domains.a.latent_dim=4", "+data.sizes.a=4"],
            id="identity",
        ),
        pytest.param(
            ["+domain@domains.a=mlp", "domains.a.data_dim=4", "+data.sizes.a=4"],
            id="mlp",
        ),
        pytest.param(
            ["+domain@domains.a=vae", "domains.a.data_dim=4", "+data.sizes.a=4"],
            id="vae",
        ),
    ],
)
def test_option_trains(overrides: list[str], pretrained: Path) -> None:
    cfg = short(*overrides, "trainer.max_epochs=1", f"paths.pretrained={pretrained}")
    results = train(cfg, Place("main_example", "run"))
    assert results["test/loss"] < 100


def test_every_file_starts_by_saying_what_it_is() -> None:
    said = re.compile(r"(# @package .*\n)?# \S...")
    texts = {file: (CONFIGS / file).read_text(encoding="utf-8") for file in FILES}
    assert [file for file, text in texts.items() if not said.match(text)] == []


def test_every_experiment_names_question_command_result_and_time() -> None:
    missing = [
        (name, said)
        for name in EXPERIMENTS
        for said in ("Question: ", f"{command(name)}\n", "Expected: ", "Time: ")
        if f"\n# {said}" not in (CONFIGS / f"experiment/{name}.yaml").read_text("utf-8")
    ]
    assert missing == []


def command(experiment: str) -> str:
    return f"Command:  gwbricks train experiment={experiment}"


def test_composing_leaves_a_running_hydra_alone() -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        running = GlobalHydra.instance().hydra
        assert compose(["seed=5"]).seed == 5
        assert GlobalHydra.instance().hydra is running


def test_six_views_differ_from_three_by_one_line_a_domain() -> None:
    more = [f"+domain@domains.{view}=digits_{view}" for view in ("fac", "zer", "mor")]
    cfg = compose(["experiment=digits", *more])
    assert cfg == compose(["experiment=digits_six"])
    assert sorted(cfg.domains) == ["fac", "fou", "kar", "mor", "pix", "zer"]


def test_main_example_is_shimmers_tutorial() -> None:
    cfg = compose()
    assert dict(cfg.data.sizes) == {"domain1": 8, "domain2": 16}
    assert (cfg.data.num_train, cfg.data.num_val, cfg.data.matched) == (256, 128, 32)
    assert (cfg.workspace.dim, cfg.data.batch_size) == (16, 32)
    assert (cfg.trainer.max_epochs, cfg.scheduler.max_lr) == (4, 1e-3)
    assert cfg.loss_coefs == {
        "translations": 1.0,
        "demi_cycles": 1.0,
        "cycles": 1.0,
        "contrastives": 0.01,
    }
    for domain in cfg.domains.values():
        assert domain.latent_dim == 32
        assert domain.pretrain.trainer.max_epochs == 4
        for coder in (domain.encoder, domain.decoder):
            assert (coder.hidden_dim, coder.n_layers) == (64, 1)


def test_digits_are_semi_supervised() -> None:
    cfg = compose(["experiment=digits"])
    assert sorted(cfg.domains) == ["fou", "kar", "pix"]
    assert 0 < cfg.data.matched < 1400
    assert cfg.data.unpaired is True


@pytest.fixture
def experiment_file(tmp_path: Path) -> Callable[[str], Any]:
    folder = tmp_path / "configs" / "experiment"
    folder.mkdir(parents=True)

    def write(text: str) -> None:
        (folder / "mine.yaml").write_text("# @package _global_\n" + text)

    return write


def test_own_configs_come_first(experiment_file: Callable[[str], None]) -> None:
    experiment_file("defaults: [main_example, _self_]\nseed: 7\n")
    assert compose(["experiment=mine"]).seed == 7
    assert "mine" in options_of("experiment")
    (Path("configs") / "experiment" / "digits.yaml").write_text(
        "# @package _global_\nseed: 8\n"
    )
    assert compose(["experiment=digits"]).seed == 8
