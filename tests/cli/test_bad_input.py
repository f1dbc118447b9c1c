from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

Cli = Callable[..., Any]

ONE_DOMAIN = ["~domains.domain2", "loss_coefs.translations=null"]
TENSORS = [
    *("data=tensors", "~data.sizes"),
    *("domains.domain1.data_dim=8", "domains.domain2.data_dim=16"),
]
PRETRAIN = "domains.domain1.pretrain"


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        pytest.param(
            ["workspace.dimm=8"],
            ["workspace.dimm: the config has no key", "mean 'dim'?", "Fix:"],
            id="unknown-key",
        ),
        pytest.param(
            ["callbacks=early_stopping", "callbacks.early_stopping.patince=1"],
            ["callbacks.early_stopping.patince: ", "mean 'patience'?"],
            id="unknown-key-of-an-option",
        ),
        pytest.param(
            ["seed=0,1"],
            [
                "seed=0,1: several values. Fix: gwbricks train -m …, which runs a job",
                "for each, or seed=[0,1] for a list.",
            ],
            id="sweep-without-m",
        ),
        pytest.param(
            ["logger=wandb,csv"],
            ["several values. Fix: gwbricks train -m", "logger=[wandb,csv] for a"],
            id="options-without-m",
        ),
        pytest.param(
            ["seed=range(0,3)"],
            ["seed=range(0,3): several values.", "runs a job for each.\n"],
            id="range-without-m",
        ),
        pytest.param(
            ["-m", "optimizer.lr=interval(1e-4,1e-2)"],
            [
                "optimizer.lr=interval(1e-4,1e-2): an interval needs a search. Fix:",
                "-m hydra/sweeper=optuna",
            ],
            id="interval-without-search",
        ),
        pytest.param(
            ["optimizer.lr=interval(1e-4,1e-2)"],
            ["an interval needs a search. Fix: gwbricks train -m hydra/sweeper=opt"],
            id="interval-without-m",
        ),
        pytest.param(
            ["+workspace.dimm=8"],
            ["workspace.dimm: nothing reads this key.", "mean 'dim'?"],
            id="added-key",
        ),
        pytest.param(
            ["+domains.domain1.trainabl=true"],
            ["domains.domain1.trainabl: nothing reads this key.", "'trainable'?"],
            id="added-key-of-a-domain",
        ),
        pytest.param(
            ["optimiser=adam"],
            ["optimiser: the config has no key", "mean 'optimizer'?"],
            id="unknown-group",
        ),
        pytest.param(
            ["+optimiser@x=adam"],
            ["optimiser: there is no such config group.", "mean 'optimizer'?"],
            id="added-group",
        ),
        pytest.param(
            ["optimizer=adamx"],
            ["optimizer=adamx: unknown option.", "mean 'adam", "Known names: adam,"],
            id="unknown-option",
        ),
        pytest.param(
            ["experiment=digit"],
            ["experiment=digit: unknown option.", "mean 'digits'?"],
            id="unknown-experiment",
        ),
        pytest.param(
            ["optimizer._target_=torch.optim.AdamWW"],
            [
                "optimizer._target_: 'torch.optim.AdamWW' does not exist.",
                "mean 'torch.optim.AdamW'?",
                "Fix: the name of a class in torch.optim.",
            ],
            id="unknown-target",
        ),
        pytest.param(
            ["optimizer._target_=torch.nn.Linear"],
            ["optimizer._target_: 'torch.nn.Linear' is no Optimizer."],
            id="target-of-another-kind",
        ),
        pytest.param(
            ["optimizer._target_=3"],
            ["optimizer._target_: 3. Expected a dotted name."],
            id="target-is-no-name",
        ),
        pytest.param(
            ["+optimizer.weight_decai=0"],
            ["optimizer.weight_decai: AdamW takes no such", "mean 'weight_decay'?"],
            id="unknown-argument",
        ),
        pytest.param(
            ["~domains.domain1.module.latent_dim"],
            ["domains.domain1.module.latent_dim: missing. LinearDomain needs"],
            id="missing-argument",
        ),
        pytest.param(
            ["+loss_coefs.cylces=1"],
            ["loss_coefs: unknown name 'cylces'.", "mean 'cycles'?"],
            id="unknown-loss",
        ),
        pytest.param(
            ["loss_coefs.cycles=-1"],
            ["loss_coefs.cycles: -1. Expected a number of 0 or more, or null"],
            id="negative-coefficient",
        ),
        pytest.param(
            ["bricks.retrieval.input_names=['*/stat',plan]"],
            ["retrieval", "'*/stat'", "/state"],
            id="unknown-brick-input",
        ),
        pytest.param(
            ["bricks.retrieval.alive_stages=[tset]"],
            ["tset", "'test'"],
            id="unknown-stage",
        ),
        pytest.param(
            ["+bricks.x={_target_: torch.nn.Linear, in_features: 1, out_features: 1}"],
            ["bricks.x._target_: 'torch.nn.Linear' is no brick. Fix: wrap it"],
            id="no-brick",
        ),
        pytest.param(
            ["+bricks.x=3"], ["bricks.x: 3 is not a brick. Expected"], id="number-brick"
        ),
        pytest.param(
            ["optimizer.lr=fast"],
            ["optimizer.lr: 'fast'. Expected a value of type float"],
            id="wrong-type",
        ),
        pytest.param(
            ["trainer.max_epochs=many"],
            ["trainer.max_epochs: 'many'. Expected a value of type", "int"],
            id="wrong-type-of-the-trainer",
        ),
        pytest.param(
            ["+trainer.max_epoch=3"],
            ["trainer.max_epoch: Trainer takes no such", "'max_epochs'?"],
            id="unknown-argument-of-the-trainer",
        ),
        pytest.param(
            ["+trainer.logger=false"],
            ["trainer.logger: nothing reads this key. Fix: the config's own logger."],
            id="logger-of-the-trainer",
        ),
        pytest.param(
            ["seed=one"], ["seed: 'one'. Expected a whole number."], id="seed-type"
        ),
        pytest.param(
            ["workspace.dim=0"],
            ["workspace.dim: 0. Expected a whole number above 0."],
            id="no-workspace-dim",
        ),
        pytest.param(
            ["domains.domain1.trainable=maybe"],
            ["domains.domain1.trainable: 'maybe'. Expected true or false."],
            id="trainable-type",
        ),
        pytest.param(
            ["logger.wandb.mode=ofline"],
            ["logger.wandb.mode: 'ofline'. Expected", "'offline'"],
            id="wandb-mode",
        ),
        pytest.param(
            ["~optimizer", "scheduler=null"],
            ["optimizer: missing. Expected a node with _target_. Fix: optimizer="],
            id="no-optimizer",
        ),
        pytest.param(
            [f"~{PRETRAIN}.optimizer"],
            [f"{PRETRAIN}.optimizer: missing. Expected a node with _target_."],
            id="no-optimizer-of-a-pretraining",
        ),
        pytest.param(
            ["data.num_train=0"],
            ["data: the train split has no rows. Expected at least 1."],
            id="no-rows",
        ),
        pytest.param(
            ["data.matched=0", "loss_coefs.contrastives=null"],
            [
                "loss_coefs.translations: no training row has a route for it",
                "Fix: data.matched above 0, or loss_coefs.translations=null.",
            ],
            id="no-matched-rows",
        ),
        pytest.param(
            [*ONE_DOMAIN, "loss_coefs.contrastives=null"],
            [
                "loss_coefs.cycles: no training row has a route for it",
                "1 domain",
                "Fix: add one, or loss_coefs.cycles=null.",
            ],
            id="one-domain",
        ),
        pytest.param(
            [*TENSORS, "data.files=none.npz"],
            ["data.files: no file 'none.npz' (from "],
            id="missing-file",
        ),
        pytest.param(
            ["domains.domain1.checkpoint=none.pt"],
            ["domains.domain1.checkpoint: no file 'none.pt' (from "],
            id="missing-checkpoint",
        ),
        pytest.param(
            ["ckpt_path=none.ckpt"],
            ["ckpt_path: no file 'none.ckpt' (from "],
            id="nothing-to-go-on-from",
        ),
        pytest.param(
            ["paths.outputs=/proc/outputs"],
            ["paths.outputs: cannot write to '/proc/outputs'", "Fix: another folder"],
            id="unwritable-outputs",
        ),
        pytest.param(
            ["experiment=digits", "data.matched=2000"],
            ["data.matched", "2000", "1400"],
            id="too-many-matched",
        ),
        pytest.param(
            ["domains.domain1.encoder.in_dim=5"],
            ["domains.domain1.encoder.in_dim: 5. Expected the module's latent_dim"],
            id="wrong-size",
        ),
        pytest.param(
            ["domains.domain1.module.data_dim=5"],
            ["gw.domain1.latent", "domain1 "],
            id="wrong-shape",
        ),
        pytest.param(
            ["+domain@domains.domain3=linear"],
            ["domains.domain3.data_dim: missing. Fix: domains.domain3.data_dim=VALUE"],
            id="missing-value",
        ),
        pytest.param(
            ["data.batch_size=${no.such.key}"],
            ["data.batch_size: cannot be resolved: Interpolation key 'no.such.key'"],
            id="interpolation",
        ),
        pytest.param(
            ["workspace.dim"], ["workspace.dim", "Expected key=value"], id="no-value"
        ),
        pytest.param(
            ["data.matched=[1"],
            ["data.matched=[1: cannot be read", "Expected key=value. Fix: quote"],
            id="unreadable",
        ),
        pytest.param(
            ["sweep.metric=3"],
            ["sweep.metric: 3. Expected the name of a final number"],
            id="metric-type",
        ),
        pytest.param(
            ["sweep.metric=val/los", "callbacks.checkpoint.monitor=test/cycle"],
            [
                "sweep.metric: the run will have no 'val/los'. Did you mean 'val/loss'",
                "checkpoint.monitor: the run will have no 'test/cycle'. Did you mean",
            ],
            id="unknown-number",
        ),
        pytest.param(
            ["routes=simple"],
            ["routes: this group has a place. Fix: routes@workspace.routes=OPTION."],
            id="group-with-a-place",
        ),
        pytest.param(
            ["domains.domain2.pretrain.trainer.max_epochs=3"],
            [
                "'domains.domain2.pretrain' is ${domains.domain1.pretrain}, so it has",
                "Fix: change that one, or give domains.domain2.pretrain as a whole.",
            ],
            id="key-of-a-reference",
        ),
        pytest.param(
            ["workspace=null"],
            ["nothing that is chosen has this group in this place", "Fix: leave it"],
            id="override-without-a-place",
        ),
        pytest.param(
            ["domains.domain1.data_dim=9"],
            ["domains.domain1.data_dim: 9. Expected 8, the features of a row"],
            id="data-size",
        ),
        pytest.param(
            ["optimizer._target_=os.system"],
            ["optimizer._target_: 'os.system' is not allowed.", "Allowed: gwbricks.*"],
            id="standard-library",
        ),
        pytest.param(
            ["seed.x=1"], ["seed.x: 'seed' is 0, so it has no keys."], id="key-of-value"
        ),
        pytest.param(
            ["trainer.max_epochs=-1"],
            ["scheduler.total_steps: the run has no end", "Fix: trainer.max_epochs"],
            id="endless",
        ),
        pytest.param(
            [f"{PRETRAIN}.trainer.max_epochs=-1"],
            [f"{PRETRAIN}.trainer.max_epochs: -1. Expected an end."],
            id="endless-pretraining",
        ),
        pytest.param(
            [f"{PRETRAIN}.optimizer.lr=-1"],
            [f"{PRETRAIN}.optimizer: Invalid learning rate: -1"],
            id="optimizer-of-a-pretraining",
        ),
        pytest.param(
            [
                f"+{PRETRAIN}.scheduler._target_=torch.optim.lr_scheduler.StepLR",
                f"+{PRETRAIN}.scheduler._partial_=true",
            ],
            [f"{PRETRAIN}.scheduler: ", "'step_size'"],
            id="schedule-of-a-pretraining",
        ),
    ],
)
def test_mistake_is_told_in_a_few_lines_and_nothing_is_written(
    cli: Cli, tmp_path: Path, args: list[str], parts: list[str]
) -> None:
    status, _, err = cli("train", *args)
    assert status == 2
    for part in parts:
        assert part in err
    assert err.startswith("gwbricks: error: ")
    assert "Traceback" not in err
    assert len(err.splitlines()) < 8
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_gpu_that_is_not_there_is_a_mistake(cli: Cli, tmp_path: Path) -> None:
    status, _, err = cli("train", "trainer=gpu")
    assert status == 2
    assert "trainer.accelerator: 'gpu' is not there. Expected one of" in err
    assert "Fix: trainer.accelerator=cpu." in err
    assert list(tmp_path.iterdir()) == []


def test_all_mistakes_are_told_together(cli: Cli) -> None:
    status, _, err = cli(
        "check", "optimizer.lr=a", "+trainer.x=1", "seed=b", "workspace.dim=1.5"
    )
    assert status == 2
    assert "problems in the config:\n" in err
    for key in ("optimizer.lr: ", "trainer.x: ", "seed: ", "workspace.dim: "):
        assert f"\n  {key}" in err


def test_debug_shows_the_traceback(cli: Cli) -> None:
    status, _, err = cli("--debug", "check", "seed=one")
    assert status == 2
    assert "Traceback (most recent call last)" in err
    assert "seed: 'one'" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "a: [1\n", "mine.yaml, line 3: expected ',' or ']'", id="not-yaml"
        ),
        pytest.param("seed: 1\nseed: 2\n", "found duplicate key seed", id="twice"),
        pytest.param(
            None,
            "experiment: a config cannot hold its own group. Fix: '# @package _global_'"
            " as the first line",
            id="no-package",
        ),
        pytest.param(
            "defaults: [digitss]\n",
            "experiment=digitss: unknown option (in configs/experiment/mine.yaml)."
            " Did you mean 'digits'?",
            id="unknown-option",
        ),
    ],
)
def test_mistake_in_an_experiment_file_names_the_file(
    cli: Cli, tmp_path: Path, text: str | None, message: str
) -> None:
    folder = tmp_path / "configs" / "experiment"
    folder.mkdir(parents=True)
    first = (
        "# @package _global_\n"
        if text
        else "defaults: [main_example, _self_]\nseed: 1\n"
    )
    (folder / "mine.yaml").write_text(first + (text or ""))
    status, _, err = cli("check", "experiment=mine")
    assert status == 2
    assert message in err
