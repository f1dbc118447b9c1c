import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import LambdaCallback
from omegaconf import DictConfig

import gwbricks
from gwbricks.errors import (
    CheckpointError,
    ConfigError,
    ConfigErrors,
    DivergedError,
    PrunedError,
)
from gwbricks.runs.check import check
from gwbricks.runs.train import Place, train
from gwbricks.training.freed_memory import keep_freed_memory

Run = Callable[..., Any]
Config = Callable[..., DictConfig]

KINDS = ("translations", "demi_cycles", "cycles", "contrastives")


def weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    path = folder / "checkpoints" / f"{name}.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


def test_run_folder_holds_all_that_is_needed_to_repeat_it(run: Run) -> None:
    folder, results, output = run("seed=3")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    record = json.loads((folder / "run.json").read_text())
    numbers = json.loads((folder / "metrics.json").read_text())
    assert "${" not in (folder / "config.yaml").read_text()
    assert (config["seed"], config["scheduler"]["max_lr"]) == (3, 1e-3)
    assert yaml.safe_load((folder / "overrides.yaml").read_text()) == ["seed=3"]
    assert (record["status"], record["seed"], record["error"]) == ("finished", 3, None)
    assert record["versions"]["gwbricks"] == gwbricks.__version__
    assert record["versions"]["torch"] == torch.__version__
    assert record["started"] <= record["ended"]
    assert numbers["test"]["loss"] == results["test/loss"]
    assert {"train", "val", "test"} <= numbers.keys()
    assert f"run folder: {folder}" in output


@pytest.mark.slow
def test_every_step_is_in_the_csv_file(run: Run) -> None:
    folder, results, _ = run()
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    columns = header.split(",")
    step, loss = columns.index("step"), columns.index("train/loss")
    logged = [row.split(",") for row in rows]
    assert {int(row[step]) for row in logged if row[loss]} == set(range(8))
    tested = columns.index("test/loss")
    assert float(next(row[tested] for row in logged if row[tested])) == pytest.approx(
        results["test/loss"]
    )


def test_checkpoints_hold_plain_values_and_their_config(run: Run) -> None:
    folder, _, _ = run("seed=3")
    saved = yaml.safe_load((folder / "config.yaml").read_text())
    for name in ("best", "last"):
        path = folder / "checkpoints" / f"{name}.ckpt"
        checkpoint = torch.load(path, weights_only=True)
        assert checkpoint["gwbricks_config"] == saved


def test_objective_is_the_weighted_sum_of_its_kinds(run: Run) -> None:
    results = run().results
    coefs = {"translations": 1, "demi_cycles": 1, "cycles": 1, "contrastives": 0.01}
    expected = sum(coef * results[f"test/{kind}"] for kind, coef in coefs.items())
    assert results["test/loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_sizes_losses_pairs_and_rate_change_from_the_command_line(run: Run) -> None:
    changes = ["workspace.dim=8", "loss_coefs.cycles=null"]
    folder, results, _ = run(*changes, "data.matched=64", "optimizer.lr=0.003")
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    rate = header.split(",").index("lr-AdamW")
    rates = [float(row.split(",")[rate]) for row in rows if row.split(",")[rate]]
    encoder = [w for n, w in weights(folder).items() if ".domain1.encode." in n]
    assert encoder[-1].shape == (8,)
    assert not any("cycles" in name and "demi" not in name for name in results)
    assert max(rates) == pytest.approx(0.003, rel=0.05)


@pytest.mark.slow
def test_same_seed_and_no_other_repeats_a_run_to_the_last_bit(run: Run) -> None:
    first, second, third = run(), run(), run("seed=1")
    assert first.folder != second.folder
    assert first.results == second.results
    mine, other = weights(first.folder), weights(second.folder)
    assert all(torch.equal(mine[name], other[name]) for name in mine | other)
    assert first.results["test/loss"] != third.results["test/loss"]


@pytest.mark.slow
def test_resumed_run_ends_like_one_that_was_not_interrupted(run: Run) -> None:
    two = ("trainer.max_epochs=2", "scheduler=null")
    whole = run(*two)
    half = run("trainer.max_epochs=1", "scheduler=null")
    resumed = run(*two, ckpt_path=half.folder / "checkpoints" / "last.ckpt")
    expected, found = weights(whole.folder), weights(resumed.folder)
    assert all(torch.equal(expected[name], found[name]) for name in expected | found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, r"ckpt_path: no file '.*x\.ckpt'", id="missing"),
        pytest.param(
            {"state_dict": {}},
            r"has weights but no state of a training.*Fix:.*last\.ckpt",
            id="weights-only",
        ),
        pytest.param(
            {"state_dict": {"a": torch.ones(1)}, "loops": {}},
            r"ckpt_path: the weights do not fit .* missing .* 1 unknown \(a\)",
            id="other-model",
        ),
    ],
)
def test_cannot_go_on_from_what_is_no_checkpoint_of_such_a_run(
    run: Run, tmp_path: Path, content: object, message: str
) -> None:
    path = tmp_path / "x.ckpt"
    if content is not None:
        torch.save(content, path)
    with pytest.raises(CheckpointError, match=message):
        run(ckpt_path=path)
    assert not (tmp_path / "outputs").exists()


def test_last_checkpoint_is_of_the_last_epoch_and_best_of_the_best(run: Run) -> None:
    folder = run("trainer.max_epochs=3", "optimizer.lr=3", "scheduler=null").folder
    saved = {
        name: torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
        for name in ("best", "last")
    }
    assert saved["last"]["epoch"] == 2
    rows = (folder / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("val/loss")
    losses = [float(c) for row in rows[1:] if (c := row.split(",")[column])]
    assert saved["best"]["epoch"] == losses.index(min(losses))
    assert saved["best"]["epoch"] < 2


@pytest.mark.slow
def test_cannot_go_on_for_no_epoch(run: Run) -> None:
    path = run().folder / "checkpoints" / "last.ckpt"
    message = r"trainer\.max_epochs: 1, and .* has 1 epochs behind it\. Fix: more"
    with pytest.raises(ConfigError, match=message):
        run(ckpt_path=path)


@pytest.mark.slow
def test_constant_rate_goes_on_where_a_schedule_has_ended(run: Run) -> None:
    first = run()
    path = first.folder / "checkpoints" / "last.ckpt"
    second = run("trainer.max_epochs=2", "scheduler=null", ckpt_path=path)
    last = torch.load(second.folder / "checkpoints" / "last.ckpt", weights_only=True)
    (state,) = last["optimizer_states"]
    assert state["param_groups"][0]["lr"] == 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("change", ["scheduler=cosine", "optimizer=sgd"])
def test_cannot_go_on_with_a_state_of_another_kind(run: Run, change: str) -> None:
    path = run().folder / "checkpoints" / "last.ckpt"
    key = change.partition("=")[0]
    message = (
        rf"was trained with {key} torch\.optim\..*does not fit torch\.optim\..*Fix"
    )
    with pytest.raises(CheckpointError, match=message):
        run("trainer.max_epochs=2", change, ckpt_path=path)


def stop(error: BaseException) -> Callback:
    """Stops a training with an error at a batch in its middle."""

    def fail(*args: object) -> None:
        if args[-1] == 3:
            raise error

    return LambdaCallback(on_train_batch_start=fail)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        pytest.param(OSError("full"), "failed", "OSError: full", id="failed"),
        pytest.param(PrunedError("val/loss 2"), "pruned", "val/loss 2", id="pruned"),
        pytest.param(ConfigError("x"), "failed", "ConfigError: x", id="config"),
        pytest.param(KeyboardInterrupt(), "interrupted", "interrupted", id="ctrl-c"),
    ],
)
def test_run_that_does_not_end_well_says_so(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: str,
    message: str,
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # Lightning's, after Ctrl-C
    cfg = config()
    with pytest.raises(type(error)):
        train(cfg, Place("example", "run"), callbacks=[stop(error)])
    record = json.loads((Path(cfg.paths.run) / "run.json").read_text())
    assert (record["status"], record["error"]) == (status, message)


def test_run_that_diverges_fails_and_tells_the_step(config: Config) -> None:
    cfg = config("optimizer=sgd", "optimizer.lr=1.0e30", "scheduler=null")
    with pytest.raises(DivergedError, match=r"train/.* is (nan|inf) at step \d"):
        train(cfg, Place("example", "run"))
    record = json.loads((Path(cfg.paths.run) / "run.json").read_text())
    assert record["status"] == "failed"
    assert record["error"].startswith("DivergedError: train/")


def test_run_that_its_config_stops_before_the_first_step_leaves_nothing(
    config: Config, tmp_path: Path
) -> None:
    cfg = config("scheduler=cosine", "+scheduler.eta_mn=1")
    with pytest.raises(ConfigErrors, match=r"scheduler\.eta_mn: .* 'eta_min'"):
        train(cfg, Place("example", "run"))
    cfg = config("+scheduler.pct_start=2")
    with pytest.raises(ConfigError, match=r"scheduler: .*pct_start"):
        train(cfg, Place("example", "run"))
    assert list(tmp_path.iterdir()) == []


def test_check_writes_nothing(config: Config, tmp_path: Path) -> None:
    experiment = check(config())
    assert sorted(experiment.domains) == ["domain1", "domain2"]
    assert list(tmp_path.iterdir()) == []


def test_check_leaves_the_random_state_alone(config: Config) -> None:
    cfg = config()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    check(cfg)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        pytest.param("optimizer.lr=-1", r"optimizer: Invalid learning rate", id="rate"),
        pytest.param(
            "domains.domain1.pretrain.optimizer.lr=-1",
            r"domains\.domain1\.pretrain\.optimizer: Invalid learning rate",
            id="pretraining-rate",
        ),
        pytest.param(
            "trainer.devices=0",
            r"trainer\.devices: 0\. Expected 1 or more",
            id="devices",
        ),
        pytest.param(
            "trainer.accelerator=tpuu",
            r"trainer\.accelerator: 'tpuu' is not there\. .*cpu.* Fix: .*=cpu\.",
            id="accelerator",
        ),
        pytest.param(
            "+callbacks.checkpoint.mode=best",
            r"callbacks\.checkpoint: .*BestCheckpoint cannot be built: .*best",
            id="callback",
        ),
        pytest.param(
            "trainer.precision=7", r"trainer(\.precision)?: .*7", id="precision"
        ),
    ],
)
def test_check_finds_what_libraries_reject(
    config: Config, override: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check(config(override))


def test_nothing_to_train_is_an_error(config: Config, tmp_path: Path) -> None:
    frozen = "{_target_: gwbricks.BrickNotTrainable, model: {_target_: torch.nn.ReLU}"
    loss = "{_target_: gwbricks.BrickLoss, model: {_target_: torch.nn.MSELoss}"
    cfg = config(
        *(f"bricks.{name}=null" for name in ("gw", "reconstruction", "retrieval")),
        f"+bricks.a={frozen}, input_names: [domain1], output_names: [x]}}",
        f"+bricks.b={loss}, input_names: [x, domain1], output_names: [mse]}}",
        *(f"~loss_coefs.{kind}" for kind in KINDS),
        "+loss_coefs.mse=1",
    )
    with pytest.raises(ConfigError, match=r"optimizer: no parameter is trainable.*Fix"):
        train(cfg, Place("example", "run"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_runs_of_the_same_name_do_not_meet(run: Run) -> None:
    names = [run("debug=one_batch").folder.name for _ in range(3)]
    assert names == ["run", "run-2", "run-3"]


@pytest.mark.slow
def test_trainable_domain_is_trained_with_the_workspace(run: Run) -> None:
    frozen, trained = run(), run("domains.domain1.trainable=true")
    latents = {n for n in weights(frozen.folder) if ".domain1.latent." in n}
    assert latents
    before, after = weights(frozen.folder), weights(trained.folder)
    assert all(not torch.equal(before[name], after[name]) for name in latents)
    assert "test/unimodal" in trained.results
    assert "test/unimodal" not in frozen.results


def test_a_run_keeps_freed_memory(run: Run) -> None:
    keep_freed_memory.cache_clear()
    run("+trainer.limit_train_batches=1")
    assert keep_freed_memory.cache_info().misses
