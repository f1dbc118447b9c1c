"""What a run tells its loggers, read back from what they wrote."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import DictConfig

from gwbricks.config.compose import compose
from gwbricks.config.saved import plain_config
from gwbricks.errors import ConfigErrors
from gwbricks.runs.check import check
from gwbricks.runs.loggers import run_loggers as module
from gwbricks.runs.loggers.run_loggers import logger_problems, run_label
from gwbricks.runs.train import Place, train

Run = Callable[..., Any]
Config = Callable[..., DictConfig]
ReadFile = Callable[[Path], Any]

TINY = ("data.num_train=64", "data.num_val=32", "data.num_test=32")


def wandb_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))


class Stop(Callback):
    """Interrupts a run."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        if trainer.current_epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("place", "label"),
    [
        pytest.param(
            Place("sweeps/a", "001_seed=1", ["seed=1"]), "001_seed=1", id="job"
        ),
        pytest.param(Place("digits", "now"), "digits", id="nothing-differs"),
        pytest.param(
            Place(
                "digits",
                "now",
                ["experiment=digits", "seed=1", "logger.wandb.mode=online"],
            ),
            "digits seed=1",
            id="overrides",
        ),
        pytest.param(
            Place("digits", "now", ["+data.hf_token=x"]),
            "digits +data.hf_token=***",
            id="secret",
        ),
    ],
)
def test_name_says_what_differs(place: Place, label: str) -> None:
    assert run_label(place) == label


def test_several_loggers_or_none_can_be_chosen() -> None:
    both = compose(["logger=[wandb,tensorboard]"]).logger
    assert sorted(both) == ["csv", "tensorboard", "wandb"]
    assert compose(["logger=null"]).get("logger") is None


@pytest.mark.parametrize("package", ["tensorboard", "mlflow"])
def test_missing_package_is_told_before_the_run(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    (problem,) = logger_problems(plain_config(compose([f"logger={package}"])))
    assert problem == (
        f"logger.{package}: {package} is not installed."
        f" Fix: pip install 'gwbricks[{package}]'."
    )


def test_online_without_an_account_or_a_network_is_told_before_the_run(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "account_problem", lambda: "nobody is logged in.")
    cfg = config("logger=wandb", "logger.wandb.mode=online")
    with pytest.raises(
        ConfigErrors, match=r"wandb\.mode: online, and nobody is logged"
    ):
        check(cfg)
    cfg.logger.wandb.mode = "offline"
    assert logger_problems(plain_config(cfg)) == []


@pytest.mark.slow
def test_run_that_goes_on_is_the_same_run_in_wandb(
    config: Config, read_wandb_file: ReadFile
) -> None:
    cfg = config("logger=wandb", "trainer.max_epochs=2", *TINY)
    with pytest.raises(KeyboardInterrupt):
        train(cfg, Place("example", "run"), callbacks=[Stop(1)])
    folder = Path(cfg.paths.run)
    place = Place("example", "run", again=True)
    train(cfg, place, ckpt_path=str(folder / "checkpoints" / "last.ckpt"))
    first, second = map(read_wandb_file, wandb_files(folder))
    assert first.run["run_id"] == second.run["run_id"]
    assert (first.exit_code, second.exit_code) == (1, 0)
    rows = [*first.history, *second.history]
    assert [row["_step"] for row in rows] == list(range(len(rows)))
    trained = [row["trainer/global_step"] for row in rows if "train/loss" in row]
    assert trained == [0, 1, 2, 3]


def test_wandb_run_has_its_settings_results_and_weights(
    run: Run, read_wandb_file: ReadFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gwbricks", "+data.token=hidden"])
    given = [
        "job_type=test",
        "tags=[a,b]",
        "notes=hello",
        "group=mine",
        "log_model=true",
    ]
    options = ["logger=wandb", *(f"logger.wandb.{option}" for option in given)]
    folder, results, _ = run(*options, *TINY)
    (file,) = wandb_files(folder)
    found = read_wandb_file(file)
    assert found.run["job_type"] == "test"
    assert found.run["tags"] == ["a", "b"]
    assert found.run["notes"] == "hello"
    assert found.run["run_group"] == "mine"
    assert found.run["project"] == "gwbricks"
    assert found.command == ["+data.token=***"]
    assert found.config == yaml.safe_load((folder / "config.yaml").read_text())
    assert found.summary["best/val/loss"] == pytest.approx(results["val/loss"])
    assert found.summary["test/loss"] == pytest.approx(results["test/loss"])
    assert found.summary["test/routes._type"] == "table-file"
    assert found.summary["graph.count"] == 1
    (table,) = file.parent.glob("files/media/table/test/routes*.json")
    assert json.loads(table.read_text())["columns"][:3] == ["route", "r2", "mse"]
    artifacts = {a["name"]: a for a in found.artifacts if a["type"] == "model"}
    own = artifacts.pop(f"model-{found.run['run_id']}")
    assert sorted(artifacts) == ["domains.domain1", "domains.domain2"]
    assert all(artifact["use_after_commit"] for artifact in artifacts.values())
    assert "use_after_commit" not in own
    assert sorted(own["aliases"]) == ["best", "latest"]
    (content,) = own["manifest"]["contents"]
    assert Path(content["local_path"]) == (folder / "checkpoints/best.ckpt").resolve()


@pytest.mark.slow
def test_weights_of_a_run_are_used_as_that_runs_own_artifact(
    run: Run, read_wandb_file: ReadFile
) -> None:
    log = ("logger=wandb", "logger.wandb.log_model=true", *TINY)
    source = run(*log, "domains.domain1.trainable=true")
    (file,) = wandb_files(source.folder)
    made = read_wandb_file(file)
    name = f"model-{made.run['run_id']}"
    (logged,) = [a for a in made.artifacts if a["name"] == name]
    checkpoint = f"domains.domain1.checkpoint={source.folder}"
    target = run(*log, "domains.domain1.pretrain=null", checkpoint)
    (file,) = wandb_files(target.folder)
    (used,) = [a for a in read_wandb_file(file).artifacts if a["name"] == name]
    assert used["use_after_commit"]
    assert used["digest"] == logged["digest"]


def test_runs_in_one_process_are_runs_of_their_own(
    config: Config, read_wandb_file: ReadFile
) -> None:
    found = []
    for name in ("a", "b"):
        cfg = config("logger=wandb")
        cfg.paths.run = str(Path("outputs") / name)
        Path(cfg.paths.run).mkdir(parents=True)
        plain, loggers = plain_config(cfg), module.RunLoggers()
        loggers.start(plain, plain, Place("example", name))
        found.append(loggers)
    for code, loggers in enumerate(found):
        loggers.finish(code)
    files = [wandb_files(Path("outputs") / name)[0] for name in ("a", "b")]
    first, second = map(read_wandb_file, files)
    assert first.run["run_id"] != second.run["run_id"]
    assert (first.exit_code, second.exit_code) == (0, 1)


@pytest.mark.slow
def test_tensorboard_has_curves_settings_results_and_the_graph(run: Run) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    folder, results, _ = run("logger=tensorboard", "seed=4", *TINY)
    (path,) = folder.glob("tensorboard")
    events = accumulator.EventAccumulator(str(path)).Reload()
    assert len(events.Scalars("train/loss")) == 2
    best = events.Scalars("best/val/loss")[-1].value
    assert best == pytest.approx(results["val/loss"])
    assert events.Scalars("test/loss")[-1].value == pytest.approx(results["test/loss"])
    assert events.Tags()["images"] == ["graph"]
    hparams = events.SummaryMetadata("_hparams_/session_start_info")
    assert b"workspace/dim" in hparams.plugin_data.content
    assert (folder / "metrics.csv").is_file()


@pytest.mark.slow
def test_mlflow_has_curves_settings_results_and_the_graph(
    run: Run, config: Config, tmp_path: Path
) -> None:
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("needs mlflow")
    from mlflow import MlflowClient

    folder, results, _ = run("logger=mlflow", *TINY, f"paths.outputs={tmp_path}")
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("gwbricks")
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert found.info.run_name == f"example {' '.join(TINY)}"
    assert found.data.params["workspace/dim"] == "16"
    assert found.data.metrics["best/val/loss"] == pytest.approx(results["val/loss"])
    assert found.data.metrics["test/loss"] == pytest.approx(results["test/loss"])
    assert len(client.get_metric_history(found.info.run_id, "train/loss")) == 2
    assert [file.path for file in client.list_artifacts(found.info.run_id)] == [
        "graph.png"
    ]
    assert [*(tmp_path / "mlruns").rglob("graph.png")]
    assert (folder / "metrics.csv").is_file()
    cfg = config("logger=mlflow", *TINY, f"paths.outputs={tmp_path}")
    with pytest.raises(KeyboardInterrupt):
        train(cfg, Place("example", "stopped"), callbacks=[Stop(0)])
    last, first = client.search_runs([experiment.experiment_id])
    assert (first.info.status, last.info.status) == ("FINISHED", "FAILED")
