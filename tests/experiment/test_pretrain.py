import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from omegaconf import DictConfig
from torch import nn, Tensor

from gwbricks.config.saved import plain_config
from gwbricks.domains import LinearDomain
from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.experiment import kept_weights, pretrain
from gwbricks.experiment.build import build_experiment
from gwbricks.experiment.kept_weights import pretraining_key
from gwbricks.experiment.pretrain import pretrain_domains
from gwbricks.runs.check import check
from gwbricks.runs.train import Place, train

Config = Callable[..., DictConfig]
Run = Callable[..., Any]
OWN = "paths.pretrained=pretrained"
LATENT = "brick_collection.gw.domain1.latent.model."


def key_of(cfg: DictConfig) -> str:
    config = plain_config(cfg)
    data = build_experiment(config).data
    return pretraining_key("domain1", config, data)  # pyright: ignore[reportArgumentType] - it is vectors


def test_domains_are_pretrained_once(run: Run) -> None:
    first = run(OWN)
    again = run(OWN, "seed=1", "data.matched=64", "workspace.dim=8")
    assert first.output.count(": pretraining") == 2
    assert again.output.count(": pretrained before (pretrained/domain") == 2
    assert ": pretraining" not in again.output
    assert len(list(Path("pretrained").glob("*.ckpt"))) == 2


@pytest.mark.slow
def test_damaged_weights_are_an_error_that_names_the_file(run: Run) -> None:
    run(OWN)
    (path,) = Path("pretrained").glob("domain1-*.ckpt")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match=r"domain1-.*\. Fix: delete that file"):
        run(OWN)


@pytest.mark.slow
def test_reused_weights_give_the_same_run_as_new_ones(run: Run) -> None:
    first, again = run(OWN), run(OWN)
    assert first.results == again.results


def test_pretraining_leaves_weights_and_no_run(run: Run) -> None:
    run(OWN)
    names = {path.suffix for path in Path("pretrained").iterdir()}
    assert names == {".ckpt", ".lock"}
    path = next(Path("pretrained").glob("domain1-*.ckpt"))
    saved = torch.load(path, weights_only=True)["state_dict"]
    LinearDomain(data_dim=8, latent_dim=32).load_state_dict(saved)


@pytest.mark.slow
def test_frozen_domain_keeps_its_pretrained_weights(run: Run) -> None:
    folder = run(OWN).folder
    saved = torch.load(
        next(Path("pretrained").glob("domain1-*.ckpt")), weights_only=True
    )["state_dict"]
    kept = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    for name, value in saved.items():
        assert torch.equal(kept["state_dict"][LATENT + name], value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "override",
    [
        pytest.param("domains.domain1.latent_dim=8", id="module"),
        pytest.param("domains.domain1.pretrain.seed=1", id="pretraining-seed"),
        pytest.param("domains.domain1.pretrain.optimizer.lr=0.1", id="pretraining"),
        pytest.param("data.num_train=128", id="training-rows"),
        pytest.param("data.num_val=64", id="validation-rows"),
        pytest.param("+data.data_seed=1", id="values"),
    ],
)
def test_key_changes_with_what_determines_the_weights(
    config: Config, override: str
) -> None:
    assert key_of(config(override)) != key_of(config())


@pytest.mark.slow
@pytest.mark.parametrize(
    "override",
    [
        pytest.param("seed=1", id="seed"),
        pytest.param("data.matched=64", id="matched"),
        pytest.param("workspace.dim=8", id="workspace"),
        pytest.param("trainer.max_epochs=7", id="trainer"),
        pytest.param("domains.domain1.trainable=true", id="trainable"),
        pytest.param("domains.domain2.latent_dim=8", id="other-domain"),
    ],
)
def test_key_does_not_change_with_anything_else(config: Config, override: str) -> None:
    assert key_of(config(override)) == key_of(config())


def test_key_changes_with_the_version(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = key_of(config())
    monkeypatch.setattr(kept_weights, "__version__", "9")
    assert key_of(config()) != before


@pytest.mark.slow
def test_two_runs_at_once_pretrain_once(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, told = [], []

    def train_alone(name: str, *args: Any) -> dict[str, Tensor]:
        trained.append(name)
        time.sleep(0.3)  # the other run is now at the lock
        _, module, _, _ = args
        return module.state_dict()

    monkeypatch.setattr(pretrain, "_train_alone", train_alone)
    parts = build_experiment(plain_config(config(OWN)))
    threads = [
        threading.Thread(
            target=pretrain_domains,
            args=(parts.config, parts.domains, parts.data, (), told.append),
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(trained) == ["domain1", "domain2"]
    assert sum("pretrained before" in line for line in told) == 2


def test_interrupted_pretraining_leaves_nothing_to_be_used(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise SystemExit(1)  # Lightning's answer to Ctrl-C

    cfg = config(OWN)
    monkeypatch.setattr(Trainer, "fit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(cfg, Place("example", "run"))
    assert {path.suffix for path in Path("pretrained").iterdir()} == {".lock"}
    assert not Path("outputs/example").exists()


@pytest.mark.slow
def test_own_weights_are_used_instead_of_pretraining(run: Run) -> None:
    module = LinearDomain(data_dim=8, latent_dim=32)
    torch.save(module.state_dict(), "own.pt")
    folder, _, output = run(OWN, "domains.domain1.checkpoint=own.pt")
    kept = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert "domain domain1: weights of own.pt" in output
    assert output.count(": pretraining") == 1
    for name, value in module.state_dict().items():
        assert torch.equal(kept["state_dict"][LATENT + name], value)


@pytest.mark.slow
def test_domain_of_another_run_can_be_used(run: Run) -> None:
    other = run().folder / "checkpoints" / "last.ckpt"
    folder = run(f"domains.domain1.checkpoint={other}", "seed=1").folder
    expected = torch.load(other, weights_only=True)["state_dict"]
    found = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    names = [name for name in expected if name.startswith(LATENT)]
    assert names
    for name in names:
        assert torch.equal(found["state_dict"][name], expected[name])


class Unpicklable:
    """Stands for code in a checkpoint."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "message"),
    [
        pytest.param(None, r"no file 'own\.pt' \(from '", id="missing"),
        pytest.param(
            lambda path: path.write_bytes(b"garbage"),
            r"cannot read 'own\.pt': .* Expected a file written by torch\.save",
            id="garbage",
        ),
        pytest.param(
            lambda path: torch.save({"a": Unpicklable()}, path),
            r"cannot read 'own\.pt': .* tensors and plain values only",
            id="pickle",
        ),
        pytest.param(
            lambda path: torch.save([1], path), r"'own\.pt' holds a list", id="list"
        ),
        pytest.param(
            lambda path: torch.save({"epoch": 3}, path),
            r"'own\.pt' holds no weights\. Expected tensors by name",
            id="no-tensors",
        ),
        pytest.param(
            lambda path: torch.save(LinearDomain(9, 32).state_dict(), path),
            r"do not fit LinearDomain: \d of another shape \(.*9.* for .*8.*\)\. Fix",
            id="shape",
        ),
        pytest.param(
            lambda path: torch.save(nn.Linear(1, 1).state_dict(), path),
            r"do not fit LinearDomain: 4 missing \(.*\); 2 unknown \(weight, bias\)",
            id="other-module",
        ),
    ],
)
def test_unusable_weights_are_an_error_and_nothing_is_written(
    config: Config, write: Callable[[Path], None] | None, message: str
) -> None:
    cfg, path = config(OWN, "domains.domain1.checkpoint=own.pt"), Path("own.pt")
    if write is not None:
        write(path)
    message = r"domains\.domain1\.checkpoint: .*" + message
    with pytest.raises(CheckpointError, match=message):
        train(cfg, Place("example", "run"))
    assert set(Path.cwd().iterdir()) <= {path.absolute()}


SILENT = """
import torch
from gwbricks import DomainModule

class Silent(DomainModule):
    def __init__(self) -> None:
        super().__init__(latent_dim=32)

    def encode(self, x):
        return torch.nn.functional.pad(x, (0, 24))

    def decode(self, z):
        return z[:, :8]

    def compute_loss(self, pred, target, raw_target):
        return None
"""


def test_domain_without_a_loss_of_its_own_cannot_be_pretrained(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "silent.py").write_text(SILENT)
    module = "{_target_: silent.Silent}"
    cfg = config("~domains.domain1.module", f"+domains.domain1.module={module}")
    with pytest.raises(
        ConfigError,
        match=r"domain1\.pretrain: Silent has no loss of its own\. Fix: .*null",
    ):
        check(cfg, trusted=["silent"])


def test_only_tables_can_pretrain_a_domain(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrain, "TableDataModule", int)
    with pytest.raises(
        ConfigError, match=r"domain1\.pretrain: only data .* Fix: .*null"
    ):
        check(config())


def test_unwritable_folder_names_its_key(config: Config) -> None:
    Path("taken").write_text("")
    with pytest.raises(
        ConfigError, match=r"paths\.pretrained: cannot write to 'taken.*=PATH\."
    ):
        train(config("paths.pretrained=taken"), Place("example", "run"))
