"""Set-up of the whole test session."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import gc
import json
import pickle
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import isclass
from pathlib import Path
from typing import Any, NamedTuple

import jaxtyping
import numpy as np
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

CHECKED = [
    "bag_of_bricks",
    "bricks",
    "data",
    "domains",
    "experiment",
    "import_shimmer",
    "inference",
    "losses",
    "runs",
    "training",
    "workspace",
]
"""Folders with tensors; their annotations, shapes too, are checked at run time."""

CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"

SHORT = ("logger=csv", "trainer.max_epochs=1")
SHORT_PRETRAINING = "domains.domain1.pretrain.trainer.max_epochs=1"

whole_check = jaxtyping.jaxtyped


def check(*, typechecker: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Checks shapes together where annotations have shapes, and else types alone.

    The import hook asks for the first of every function, whose calls then are bound
    and checked twice: that is two fifths of the time of the tests.
    """

    def decorate(what: Any) -> Any:  # noqa: ANN401 - a class or a function
        has_shapes = isclass(what) or "jaxtyping" in repr(what.__annotations__)
        whole = whole_check(typechecker=typechecker)
        return whole(what) if has_shapes else typechecker(what)

    return decorate


jaxtyping.jaxtyped = check
install_import_hook([f"gwbricks.{folder}" for folder in CHECKED], CHECKER)

settings.register_profile("gwbricks", deadline=None)  # a busy machine is no failure
settings.load_profile("gwbricks")


@pytest.fixture(scope="session", autouse=True)
def _unfrozen() -> Iterator[None]:
    """Lets bindings clean up at the end, as in a process with one command."""
    yield
    gc.unfreeze()


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """120 random images as the files of CIFAR-10, whose sums are not checked."""
    datasets = pytest.importorskip("torchvision.datasets")
    files = [f"data_batch_{number}" for number in range(1, 6)]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [[f, None] for f in files])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", None]])
    meta = {**datasets.CIFAR10.meta, "md5": None}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for file in (*files, "test_batch"):
        data = generator.integers(0, 256, (20, 3072), dtype=np.uint8)
        _pickle(folder / file, {"data": data, "labels": [*range(10), *range(10)]})
    _pickle(folder / "batches.meta", {"label_names": list("abcdefghij")})
    return folder.parent


class WandbFile(NamedTuple):
    """What an offline file of W&B holds."""

    run: dict[str, Any]
    config: dict[str, Any]
    history: list[dict[str, Any]]
    summary: dict[str, Any]
    artifacts: list[dict[str, Any]]
    command: list[str]
    exit_code: int | None


@pytest.fixture(scope="session")
def read_wandb_file() -> Callable[[Path], WandbFile]:
    """Reads an offline file of W&B, with W&B's own program."""
    from wandb.util import get_core_path

    command = [get_core_path(), "leet", "inspect", "--no-observability", "--json"]

    def read(path: Path) -> WandbFile:
        given = [*command, "--run-file", str(path), str(path.parents[1])]
        done = subprocess.run(given, capture_output=True, text=True, check=True)
        found = defaultdict[str, list[Any]](list)
        for record in map(json.loads, done.stdout.splitlines()):
            found[record["type"]].append(record.get(record["type"]))
        (run,) = found["run"]
        updates = [update["update"] for update in found["summary"]]
        return WandbFile(
            run,
            {k: v for k, v in _update(run).items() if k != "_wandb"},
            [row["item"] for row in found["history"]],
            {name: v for update in updates for name, v in update.items()},
            found["artifact"],
            next((e["args"] for e in found["environment"] if "args" in e), []),
            next((end.get("exit_code", 0) for end in found["exit"]), None),
        )

    return read


def _update(run: dict[str, Any]) -> dict[str, Any]:
    return run.get("config", {}).get("update", {})


@pytest.fixture
def run_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run folder as training leaves it, without training."""

    def write(
        name: str,
        config: Mapping[str, Any] | None = None,
        numbers: Mapping[str, Any] | None = None,
        curves: Mapping[str, Sequence[float]] | None = None,
        status: str = "finished",
        overrides: Sequence[str] = (),
        error: str | None = None,
    ) -> Path:
        folder = tmp_path / "outputs" / name
        folder.mkdir(parents=True)
        times = {"started": "2026-11-21T17:00:00+00:00", "ended": None}
        if status == "finished":
            times["ended"] = "2026-11-21T17:01:30+00:00"
        record = {"status": status, "error": error, **times}
        files = {"run.json": record, "overrides.yaml": list(overrides)}
        if config is not None:
            own = {"paths": {"run": str(folder)}, "sweep": {"metric": "val/loss"}}
            files["config.yaml"] = {**own, **config}
        if numbers is not None:
            files["metrics.json"] = numbers
        for file, content in files.items():
            text = json.dumps(content)  # which is YAML too
            (folder / file).write_text(text, encoding="utf-8")
        if curves:
            (folder / "metrics.csv").write_text(_csv(curves), encoding="utf-8")
        return folder

    return write


class Run(NamedTuple):
    """What is left of a run."""

    folder: Path
    results: dict[str, float]
    output: str


class Saved(NamedTuple):
    """A run folder with a checkpoint, and what is in it."""

    folder: Path
    experiment: Any


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pretrained domains that tests share."""
    return tmp_path_factory.mktemp("pretrained")


@pytest.fixture
def config(
    tmp_path: Path, pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Composes a short run, of the main example or another, in a folder of its own."""
    from gwbricks.config.compose import compose

    monkeypatch.chdir(tmp_path)

    def config(*overrides: str) -> Any:  # noqa: ANN401 - a DictConfig
        is_other = any(override.startswith("experiment=") for override in overrides)
        short = SHORT if is_other else (*SHORT, SHORT_PRETRAINING)
        return compose([*short, f"paths.pretrained={pretrained}", *overrides])

    return config


@pytest.fixture
def run(
    config: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    """Trains the main example for an epoch, with overrides."""
    from gwbricks.runs.train import Place, train

    def run(*overrides: str, ckpt_path: Path | None = None) -> Run:
        cfg = config(*overrides)
        path = None if ckpt_path is None else str(ckpt_path)
        results = train(cfg, Place("example", "run", overrides), ckpt_path=path)
        return Run(Path(cfg.paths.run), results, capsys.readouterr().out)

    return run


@pytest.fixture
def saved(config: Callable[..., Any], tmp_path: Path) -> Callable[..., Saved]:
    """Writes what a run with overrides would leave if it trained nothing."""
    import torch

    from gwbricks.config.saved import plain_config
    from gwbricks.experiment.build import build_experiment
    from gwbricks.training.module import CONFIG

    def saved(*overrides: str, name: str = "saved") -> Saved:
        plain = plain_config(config(*overrides))
        experiment = build_experiment(plain)
        weights = experiment.module.state_dict()
        folder = tmp_path / name
        (folder / "checkpoints").mkdir(parents=True)
        path = folder / "checkpoints" / "best.ckpt"
        torch.save({CONFIG: plain, "state_dict": weights}, path)
        return Saved(folder, experiment)

    return saved


def _csv(curves: Mapping[str, Sequence[float]]) -> str:
    lines = [",".join(["epoch", "step", *curves])]
    for step, values in enumerate(zip(*curves.values(), strict=True)):
        lines.append(",".join(map(str, [step // 10, step, *values])))
    return "\n".join(lines) + "\n"


def _pickle(path: Path, content: object) -> None:
    path.write_bytes(pickle.dumps(content))
