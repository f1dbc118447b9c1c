from collections.abc import Callable
from typing import Any

import pytest
import torch

from gwbricks.bricks import BrickCollection, BrickModule, CompiledCollection, Stage
from gwbricks.errors import CompileError

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch._prims_common.check`:FutureWarning"),
]


def run(compiled: CompiledCollection, *rows: int) -> None:
    for count in rows:
        compiled.run({"x": torch.ones(count)}, Stage.TRAIN, ["y"])


def test_brick_that_depends_on_values_is_named() -> None:
    brick = BrickModule(lambda x: x if x.sum() > 0 else -x, ["x"], ["y"])
    compiled = CompiledCollection(BrickCollection({"sign": brick}))
    with pytest.raises(CompileError, match="'sign'"):
        run(compiled, 2, 2)


def test_too_many_kinds_of_batches_are_an_error() -> None:
    brick = BrickModule(lambda x: 2 * x, ["x"], ["y"])
    compiled = CompiledCollection(BrickCollection({"double": brick}))
    with pytest.raises(CompileError, match=r"more than 8 kinds .* compile=false"):
        run(compiled, *range(1, 10))


def test_missing_compiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Callable[..., Any]:
        def call(_: object) -> None:
            raise RuntimeError("No working C++ compiler found")

        return call

    monkeypatch.setattr(torch, "compile", fail)
    brick = BrickModule(lambda x: 2 * x, ["x"], ["y"])
    compiled = CompiledCollection(BrickCollection({"double": brick}))
    with pytest.raises(CompileError, match=r"C\+\+ compiler found.*Fix: install"):
        run(compiled, 2, 2)
