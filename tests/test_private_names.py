"""What gwbricks uses of other libraries though they promise nothing of it.

A version that lacks one of these names, or means another thing by it, fails here.
"""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, WandbLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from optuna.trial import Trial
from torch import nn, Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_map_only
from torchmetrics import MeanMetric
from torchmetrics.utilities import dim_zero_sum
from wandb.sdk.wandb_run import Run

import gwbricks

PACKAGE = Path(gwbricks.__file__).parent
NAMES = {
    ("bricks/across_processes.py", "_computed"): "torchmetrics: a result that is kept",
    ("bricks/across_processes.py", "_defaults"): "torchmetrics: states, when empty",
    ("bricks/across_processes.py", "_reductions"): "torchmetrics: how states join",
    ("bricks/across_processes.py", "_to_sync"): "torchmetrics: whether compute joins",
    ("bricks/across_processes.py", "_update_count"): "torchmetrics: batches seen",
    ("bricks/collection/nest.py", "_modules"): "torch: the order of modules",
    ("bricks/graph/shapes.py", "torch._subclasses.fake_tensor"): "shapes without data",
    ("bricks/graph/shapes.py", "torch.utils._pytree"): "maps a tree of tensors",
    ("runs/loggers/wandb_run.py", "_detect_and_apply_job_inputs"): "wandb: half a"
    " second of imports, a tenth of a short run",
    ("runs/loggers/wandb_run.py", "_log_artifact"): "wandb: uses weights, offline too",
    ("runs/loggers/wandb_run.py", "_wandb_init"): "Lightning: arguments of wandb.init",
    ("sweeps/search/prune.py", "_trial_id"): "Optuna: a trial, in another process",
    ("sweeps/search/study.py", "_trial_id"): "Optuna: a trial that goes on",
    ("training/callbacks/metrics_file.py", "_check_log_dir_exists"): "Lightning:"
    " deletes the file of before",
    ("training/callbacks/metrics_file.py", "_experiment"): "Lightning: what writes",
    (
        "workspace/graph/loss_rehearsal.py",
        "_C",
    ): "torch: no kinds of tensors",
}
"""What a name is for, by the file that uses it and the name."""


OF_PYTHON = {"_asdict", "_exit", "_replace"}
"""Public, in spite of their look."""

TREES = {
    file.relative_to(PACKAGE).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
    for file in sorted(PACKAGE.rglob("*.py"))
}


def is_private(name: str) -> bool:
    """Whether a dotted name has a part that starts with one underscore."""
    parts = name.split(".")
    return any(part.startswith("_") and not part.startswith("__") for part in parts)


def own() -> set[str]:
    """Returns the names that gwbricks itself gives to functions and attributes."""
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    return functions | {n.attr for n in attributes if isinstance(n.ctx, ast.Store)}


def used(tree: ast.Module) -> set[str]:
    """Returns the private names that a file uses of anything but `self`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) != "self":
            names.add(node.attr)
    return {name for name in names if is_private(name)}


def test_every_private_name_of_another_library_is_listed() -> None:
    found = {(file, name) for file, tree in TREES.items() for name in used(tree)}
    known = own() | OF_PYTHON | {"hydra_plugins._gwbricks"}
    assert {(f, name) for f, name in found if name not in known} - NAMES.keys() == set()


def test_what_is_listed_is_used() -> None:
    unused = [
        (file, name)
        for file, name in NAMES
        if name not in (PACKAGE / file).read_text(encoding="utf-8")
    ]
    assert unused == []


class Refusing(Tensor):
    """A tensor that lets no function of PyTorch be called."""

    @classmethod
    def __torch_function__(cls, *_: object) -> None:
        """Refuses."""
        raise NotImplementedError


def test_torch_can_leave_out_what_a_kind_of_tensor_does_of_its_own() -> None:
    one = torch.ones(()).as_subclass(Refusing)
    with torch._C.DisableTorchFunction():
        assert torch.add(one, one).item() == 2
    with pytest.raises(NotImplementedError):
        torch.add(one, one)


def test_torchmetrics_keeps_states_ways_to_join_them_and_what_it_has_seen() -> None:
    metric = MeanMetric()
    assert metric._defaults.keys() == metric.metric_state.keys()
    assert set(metric._reductions.values()) == {dim_zero_sum}
    assert metric._to_sync
    metric.update(torch.tensor(2.0))
    assert (metric._update_count, metric._computed) == (1, None)
    value = metric.compute()
    assert metric._computed is value
    metric._computed = None
    metric.mean_value = torch.tensor(6.0)
    assert metric.compute() == 6


def test_torch_registers_modules_in_a_dictionary_that_can_be_replaced() -> None:
    modules = nn.ModuleDict({"first": nn.Identity()})
    modules._modules = {"second": nn.Identity(), **modules._modules}
    assert [name for name, _ in modules.named_children()] == ["second", "first"]


def test_torch_computes_shapes_without_data() -> None:
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    fakes = tree_map_only(torch.Tensor, mode.from_tensor, {"x": [torch.ones(2, 3), 1]})
    with mode:
        product = fakes["x"][0] @ torch.ones(3, 4)
    assert isinstance(product, FakeTensor)
    assert (product.shape, fakes["x"][1]) == ((2, 4), 1)


def test_lightning_asks_before_it_deletes_the_file_of_before(tmp_path: Path) -> None:
    asked = []

    class Asks(ExperimentWriter):
        def _check_log_dir_exists(self) -> None:
            asked.append(self.metrics_file_path)

    Asks(str(tmp_path))
    assert asked == [str(tmp_path / "metrics.csv")]


def test_lightning_keeps_what_writes_the_file(tmp_path: Path) -> None:
    logger = CSVLogger(str(tmp_path))
    assert logger._experiment is None
    writer = logger._experiment = ExperimentWriter(str(tmp_path))
    assert logger.experiment is writer


def test_lightning_keeps_the_arguments_of_wandb_init(tmp_path: Path) -> None:
    logger = WandbLogger("name", str(tmp_path), offline=True, mode="offline")
    assert logger._wandb_init["name"] == "name"
    assert logger._wandb_init["mode"] == "offline"
    assert "anonymous" in logger._wandb_init


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        pytest.param(Run._detect_and_apply_job_inputs, ["self"], id="inputs"),
        pytest.param(
            Run._log_artifact,
            [
                "self",
                "artifact_or_path",
                "aliases",
                *("is_user_created", "use_after_commit"),
            ],
            id="artifact",
        ),
    ],
)
def test_wandb_takes_these_arguments(
    function: Callable[..., object], arguments: list[str]
) -> None:
    parameters = inspect.signature(function).parameters
    assert set(arguments) <= parameters.keys()
    others = [p for name, p in parameters.items() if name not in arguments]
    assert all(p.default is not p.empty for p in others)


def test_wandb_looks_for_inputs_when_a_run_starts() -> None:
    assert "self._detect_and_apply_job_inputs()" in inspect.getsource(Run._on_ready)


def test_optuna_finds_a_trial_by_its_number_in_the_storage() -> None:
    study = optuna.create_study()
    study.ask()
    study.ask()
    trial = study.get_trials(deepcopy=False)[1]
    again = Trial(study, trial._trial_id)
    again.report(3.0, step=0)
    assert (again.number, study.trials[1].intermediate_values) == (1, {0: 3.0})
