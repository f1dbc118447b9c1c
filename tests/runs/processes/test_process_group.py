import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig

from gwbricks.cli.main import main
from gwbricks.errors import ProcessError
from gwbricks.inference.evaluate import evaluate
from gwbricks.runs.processes.process_group import Processes
from gwbricks.runs.train import Place, train
from gwbricks.training.callbacks.signals import Terminated

Config = Callable[..., DictConfig]

TRUSTED = ("processes_apart",)
TWO = ("trainer=ddp", "trainer.max_epochs=2", "data.batch_size=16")
"""Two processes with half of the rows each."""

ONE = ("trainer.max_epochs=2", "data.batch_size=32")
EQUAL = (
    *("optimizer=sgd", "selection@workspace.selection=shared", "workspace.gather=true"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
)
"""A training in which nothing is drawn, and whose steps are as large as gradients."""


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def stumble(number: int, step: int, signal: str = "null") -> list[str]:
    return [
        "+callbacks.stumble._target_=processes_apart.Stumble",
        f"+callbacks.stumble.number={number}",
        f"+callbacks.stumble.step={step}",
        f"+callbacks.stumble.signal_name={signal}",
    ]


def record(cfg: DictConfig) -> dict[str, Any]:
    return json.loads((Path(cfg.paths.run) / "run.json").read_text())


def weights(cfg: DictConfig) -> dict[str, torch.Tensor]:
    path = Path(cfg.paths.run) / "checkpoints" / "last.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


def test_one_device_is_one_process() -> None:
    assert Processes.of({"accelerator": "cpu", "devices": 1}) == Processes()
    assert Processes.of({"accelerator": "cpu"}) == Processes()


def test_process_that_is_asked_starts_the_others() -> None:
    found = Processes.of({"accelerator": "cpu", "devices": 3, "num_nodes": 2})
    assert (found.number, found.count, found.local) == (0, 6, 3)
    assert found.is_first
    assert set(found.environment or ()) == {"MASTER_ADDR", "MASTER_PORT", "NODE_RANK"}


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"LOCAL_RANK": "1", "NODE_RANK": "1"}, id="by-gwbricks"),
        pytest.param(
            {
                "SLURM_NTASKS": "4",
                "SLURM_PROCID": "3",
                "SLURM_LOCALID": "1",
                "SLURM_NTASKS_PER_NODE": "2",
                "SLURM_NODEID": "1",
                "SLURM_JOB_NAME": "train",
            },
            id="by-slurm",
        ),
        pytest.param(
            {
                "TORCHELASTIC_RUN_ID": "a",
                "LOCAL_RANK": "1",
                "GROUP_RANK": "1",
                "RANK": "3",
                "WORLD_SIZE": "4",
            },
            id="by-torchrun",
        ),
    ],
)
def test_process_that_was_started_is_not_the_first_and_starts_none(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 0)  # put back after Lightning sets it
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = Processes.of({"accelerator": "cpu", "devices": 2, "num_nodes": 2})
    assert found == Processes(number=3, count=4, local=2)
    assert not found.is_first


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    before = torch.get_num_threads()
    for threads, expected in ((None, 3), ("auto", 3), (1, 1), (6, 4)):
        torch.set_num_threads(6)
        Processes(count=2, local=2).share_cores(threads)
        assert torch.get_num_threads() == expected
    Processes().share_cores(None)
    assert torch.get_num_threads() == 4
    torch.set_num_threads(before)


@pytest.mark.slow
def test_two_processes_train_and_test_as_one(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = config(*ONE, *EQUAL), config(*TWO, *EQUAL)
    train(one, Place("example", "one"))
    capsys.readouterr()
    found = train(two, Place("example", "two"))
    output = capsys.readouterr().out
    for name, value in weights(one).items():
        torch.testing.assert_close(weights(two)[name], value, rtol=0, atol=1e-5)
    assert sorted(Path("outputs/example").iterdir()) == [
        Path("outputs/example/one"),
        Path("outputs/example/two"),
    ]
    assert record(two)["status"] == "finished"
    assert output.count("run folder") == 1
    assert not list(Path(two.paths.run).glob("process_*"))
    again = evaluate(Path(two.paths.run))
    assert again == {name: pytest.approx(found[name], abs=1e-5) for name in again}
    expected = evaluate(Path(one.paths.run), ["data.batch_size=16"])
    assert again == {name: pytest.approx(expected[name], abs=1e-5) for name in again}


@pytest.mark.slow
def test_job_of_a_sweep_trains_over_processes_with_sampled_routes(
    config: Config, pretrained: Path
) -> None:
    """Weights that no route of a step, or no loss, reaches are no mistake."""
    config()  # enters its folder
    settings = [*TWO, "logger=csv", f"paths.pretrained={pretrained}", "sweep.name=two"]
    unused = ["+workspace.routes.sample=1", "loss_coefs.cycles=0.0"]
    command = ["train", "-m", "experiment=main_example", *settings, *unused]
    assert main([*command, "seed=1"]) == 0
    (run,) = Path("outputs/sweeps/two").glob("000_*")
    assert {path.name for path in Path("outputs").iterdir()} == {"sweeps"}
    assert "cycles" in json.loads((run / "metrics.json").read_text())["test"]
    assert not list(run.glob("process_*"))


@pytest.mark.slow
def test_failure_of_one_process_ends_all_and_is_recorded(config: Config) -> None:
    """The callback is in a package of the user's: trust reaches every process."""
    cfg = config(*TWO, *stumble(1, 3))
    with pytest.raises(ProcessError, match="1 of 2 failed: RuntimeError: it stumbled"):
        train(cfg, Place("example", "run"), TRUSTED)
    found = record(cfg)
    assert found["status"] == "failed"
    assert "process 1 of 2 failed: RuntimeError: it stumbled here" in found["error"]
    assert "Traceback" in (Path(cfg.paths.run) / "process_1.log").read_text()


@pytest.mark.slow
def test_processes_that_are_terminated_go_on_as_if_nothing_was(config: Config) -> None:
    drawn = (*TWO, "selection@workspace.selection=random")
    whole, half = config(*drawn), config(*drawn, *stumble(1, 11, "SIGTERM"))
    train(whole, Place("example", "whole"))
    with pytest.raises(Terminated):
        train(half, Place("example", "half"), TRUSTED)
    assert record(half)["status"] == "interrupted"
    last = f"{half.paths.run}/checkpoints/last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 12
    rest = config(*drawn)
    train(rest, Place("example", "rest"), ckpt_path=last)
    for name, value in weights(whole).items():
        assert torch.equal(weights(rest)[name], value)


@pytest.mark.slow
def test_processes_that_torchrun_starts_make_one_run_folder(
    config: Config, pretrained: Path
) -> None:
    config()  # enters its folder
    settings = [*TWO, "experiment=main_example", f"paths.pretrained={pretrained}"]
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"),
            *("--module", "gwbricks", "train", "logger=csv", *settings),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
    )
    (run,) = Path("outputs/main_example").iterdir()
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    assert not list(run.glob("process_*"))
