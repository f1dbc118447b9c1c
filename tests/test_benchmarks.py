"""Counts and results that hold on any machine; times are measured by benchmarks."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import nn, Tensor
from torch.optim import AdamW

from gwbricks.data import as_named_inputs
from gwbricks.workspace import RandomSelection

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SIZES = pytest.mark.parametrize("count", [2, 3, 4])
ROWS = 4


@pytest.fixture(scope="module")
def step() -> Iterator[ModuleType]:
    """The module benchmarks/step.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield import_module("step")


def rows_of_linear_maps(module: nn.Module) -> Counter[tuple[int, int, int]]:
    """Counts the sizes of matrix products from now on."""
    counts: Counter[tuple[int, int, int]] = Counter()

    def note(linear: nn.Linear, args: tuple[Tensor], _: Tensor) -> None:
        counts[len(args[0]), linear.in_features, linear.out_features] += 1

    for part in module.modules():
        if isinstance(part, nn.Linear):
            part.register_forward_hook(note)
    return counts


@SIZES
def test_plain_loop_computes_the_losses_of_the_graph_from_as_many_rows(
    step: ModuleType, count: int
) -> None:
    work = step.Work(count, ROWS)
    inputs = as_named_inputs(next(iter(step.build_loader(work))))
    graph = step.build_graph(work)
    graph.get_submodule("fuse.model").selection = RandomSelection(torch.inf)
    plain = step.PlainWorkspace(work, temperature=torch.inf)
    for name in work.sizes:
        module = graph.get_submodule(name)
        weights = module["latent"].model.encoder.state_dict()
        plain.latents[name].load_state_dict(weights)
        plain.encoders[name].load_state_dict(module["encode"].model.state_dict())
        plain.decoders[name].load_state_dict(module["decode"].model.state_dict())
    graph_rows, plain_rows = rows_of_linear_maps(graph), rows_of_linear_maps(plain)
    expected = plain({name: inputs[name] for name in work.sizes})
    losses = step.graph_losses(graph, inputs)
    assert {n: v.item() for n, v in losses.items()} == pytest.approx(
        {n: v.item() for n, v in expected.items()}, rel=1e-5
    )
    assert graph_rows == plain_rows


def kernels(step: ModuleType, count: int) -> Counter[str]:
    """Counts what a step calls, forwards."""
    work = step.Work(count, ROWS)
    graph = step.build_graph(work)
    inputs = as_named_inputs(next(iter(step.build_loader(work))))
    step.graph_losses(graph, inputs)
    with torch.profiler.profile() as profile:
        step.graph_losses(graph, inputs)
    return Counter({event.key: event.count for event in profile.key_averages()})


def test_kernels_grow_with_the_domains_and_not_with_their_routes(
    step: ModuleType,
) -> None:
    calls = {count: kernels(step, count) for count in (2, 3, 4)}
    for name in ("linear", "mse_loss", "mul", "log_softmax"):
        two, three, four = (calls[count][f"aten::{name}"] for count in calls)
        assert four - three == three - two, name
    for count, found in calls.items():  # fewer where rows follow each other
        assert found["aten::index_select"] <= 7 * count
    # States are selected, and those of cycles, if they go through several domains.
    assert [found["aten::softmax"] for found in calls.values()] == [1, 2, 2]
    assert calls[4]["aten::linear"] == 4 * 13  # 1, and twice an encoder and a decoder
    assert calls[4]["aten::bmm"] == 1


def test_steps_of_the_trainer_evaluate_the_graph_once_and_log_every_tenth(
    step: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def counted(owner: type, name: str) -> None:
        function = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function
            calls[name] += 1
            return function(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    counted(step.BrickCollection, "run")
    counted(step.LightningBrickCollection, "log")
    counted(CSVLogger, "log_metrics")  # and not one `log` of a value
    counted(AdamW, "step")
    step.fit_graph(step.Work(2, ROWS, steps=20), tmp_path)
    assert calls == {"run": 20, "step": 20, "log_metrics": 2}


@pytest.mark.slow  # each way starts a process
def test_ways_take_turns_in_processes_of_their_own(step: ModuleType) -> None:
    del step  # which finds the scripts
    turns = import_module("turns")
    sleep = partial(turns.every_turn, action=partial(time.sleep, 0.01))
    times = turns.in_turn({"a": sleep, "b": sleep}, turns=2)
    assert list(times) == ["a", "b"]
    for found in times.values():
        assert len(found.wall) == len(found.cpu) == 2
        assert all(milliseconds >= 10 for milliseconds in found.wall)
        assert all(milliseconds < 10 for milliseconds in found.cpu)


@pytest.mark.slow  # each way starts a process
def test_a_way_that_fails_is_named(step: ModuleType) -> None:
    del step  # which finds the scripts
    turns = import_module("turns")
    fail = partial(turns.every_turn, action=partial(int, "no number"))
    with pytest.raises(RuntimeError, match="broken ended before its last turn"):
        turns.in_turn({"broken": fail}, turns=1)


def test_ratios_are_taken_pair_by_pair(step: ModuleType) -> None:
    assert step.ratio([2.0, 30.0, 400.0], [1.0, 10.0, 100.0]) == 3.0


@pytest.mark.slow  # each way starts a process
def test_a_size_is_measured(step: ModuleType) -> None:
    found = step.measure(step.Work(2, ROWS, steps=60), turns=2)
    ways = ("trainer", "graph", "plain", "floor", "kept_floor", "loader")
    assert all(found[f"{way}_ms"] > 0 and found[f"{way}_cpu_ms"] > 0 for way in ways)
    assert set(found["cpu_ratios"]) == {
        "trainer/floor",
        "trainer/kept_floor",
        "trainer/graph",
        "graph/plain",
    }


@pytest.mark.slow
def test_chunked_routes_take_less_memory() -> None:
    sizes = ["--domains", "5", "--batch-size", "512", "--steps", "2", "--chunk", "20"]
    command = [sys.executable, BENCHMARKS / "memory.py", *sizes, "--json"]
    found = json.loads(subprocess.check_output(command, text=True))
    assert found["chunked_mib"] < 0.85 * found["trainer_mib"]


def test_a_folder_without_shimmer_is_named(step: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is no checkout of ruflab/shimmer"):
        step.find_shimmer(tmp_path)


def test_an_epoch_of_latents_is_measured(step: ModuleType) -> None:
    del step  # which finds the scripts
    found = import_module("latents").measure(items=16, batch_size=4, turns=1)
    assert all(found[f"{way}_s"] > 0 for way in ("plain", "cached"))
    assert found["encode_s"] > 0
    assert found["wall_ratio"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_benchmark_of_a_gpu_says_that_there_is_none(
    step: ModuleType,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del step  # which has put the benchmarks on the path
    monkeypatch.setattr("sys.argv", ["gpu.py"])
    import_module("gpu").main()
    assert capsys.readouterr().out == (
        "benchmarks/gpu.py: skipped, there is no GPU here.\n"
    )
