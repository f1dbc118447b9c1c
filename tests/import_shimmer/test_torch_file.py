import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, Tensor
from torch._utils import _rebuild_tensor_v2

from gwbricks.errors import CheckpointError
from gwbricks.import_shimmer.torch_file import TorchFile


class Calling:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def written(path: Path, content: object) -> TorchFile:
    torch.save(content, path)
    return TorchFile(path, "key")


def rewritten(path: Path, changes: dict[str, bytes], **options: Any) -> None:
    """Writes the same archive with other members."""
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, changes.get(name.partition("/")[2], data))


@pytest.mark.parametrize(
    "tensor",
    [
        pytest.param(torch.arange(6).reshape(2, 3), id="whole-numbers"),
        pytest.param(torch.rand(2, 3).double(), id="double"),
        pytest.param(torch.rand(4).half(), id="half"),
        pytest.param(torch.rand(4).bfloat16(), id="bfloat16"),
        pytest.param(torch.tensor([True, False]), id="bool"),
        pytest.param(torch.tensor(2.5), id="scalar"),
        pytest.param(torch.zeros(0, 3), id="empty"),
        pytest.param(torch.rand(3, 4).T, id="transposed"),
        pytest.param(torch.rand(8)[2:5], id="part-of-a-storage"),
        pytest.param(nn.Parameter(torch.rand(3)), id="parameter"),
    ],
)
def test_tensors_are_what_torch_reads(tensor: Tensor, tmp_path: Path) -> None:
    file = written(tmp_path / "x.pt", {"x": tensor})
    found = file.tensor(file.content["x"])
    assert found is not None
    assert found.dtype == tensor.dtype
    assert torch.equal(found, tensor.detach())


def test_tensors_beside_what_would_run_are_read_and_nothing_runs(
    tmp_path: Path,
) -> None:
    flag = tmp_path / "flag"
    content = {"x": torch.ones(2), "y": Calling(os.mkdir, str(flag))}
    file = written(tmp_path / "x.pt", content)
    found = file.tensor(file.content["x"])
    assert found is not None
    assert found.tolist() == [1.0, 1.0]
    assert file.tensor(file.content["y"]) is None
    assert not flag.exists()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(1, id="number"),
        pytest.param([torch.ones(2)], id="list"),
        pytest.param(torch.eye(2).to_sparse(), id="sparse"),
    ],
)
def test_what_is_no_plain_tensor_is_none(value: object, tmp_path: Path) -> None:
    file = written(tmp_path / "x.pt", {"x": value})
    assert file.tensor(file.content["x"]) is None


class Rebuilt:
    """Pretends to be a tensor of another size than its storage has."""

    def __init__(self, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
        self.size, self.stride = size, stride

    def __reduce__(self) -> tuple[Any, ...]:
        storage = torch.ones(4).storage()
        return (
            _rebuild_tensor_v2,
            (storage, 0, self.size, self.stride, False, {}),
        )


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.parametrize(
    ("size", "stride", "message"),
    [
        pytest.param((2**50,), (0,), "numbers in 16 bytes", id="one-number-repeated"),
        pytest.param((3,), (4,), "out of bounds", id="past-the-end"),
        pytest.param((3,), (-1,), "Negative strides", id="backwards"),
        pytest.param((-2, -2), (1, 1), "overflowed", id="negative-size"),
    ],
)
def test_a_tensor_that_its_storage_cannot_hold_is_an_error(
    size: tuple[int, ...], stride: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    file = written(tmp_path / "x.pt", {"x": Rebuilt(size, stride)})
    with pytest.raises(CheckpointError, match=rf"tensor is damaged: .*{message}"):
        file.tensor(file.content["x"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda path: None, "key: no file", id="missing"),
        pytest.param(lambda path: path.write_text("x"), "not a zip file", id="no-zip"),
        pytest.param(
            lambda path: path.write_bytes(pickle.dumps({})), "not a zip", id="pickle"
        ),
        pytest.param(
            lambda path: zipfile.ZipFile(path, "w").close(),
            "it holds no pickle",
            id="empty-zip",
        ),
        pytest.param(
            lambda path: rewritten(path, {"byteorder": b"big"}),
            "its numbers are big-endian",
            id="big-endian",
        ),
        pytest.param(
            lambda path: rewritten(path, {}, compression=zipfile.ZIP_DEFLATED),
            "is compressed, which torch.save never does",
            id="compressed",
        ),
        pytest.param(
            lambda path: rewritten(path, {"data.pkl": b"\x80\x02."}),
            "damaged pickle",
            id="damaged-pickle",
        ),
    ],
)
def test_what_torch_did_not_write_is_an_error(
    make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.pt"
    if "no file" not in message:
        torch.save({"x": torch.ones(2)}, path)
    make(path)
    with pytest.raises(CheckpointError, match=message):
        TorchFile(path, "key")


def test_a_flipped_bit_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"x": torch.full((64,), 1.5)}, path)
    data = bytearray(path.read_bytes())
    data[data.index(b"\x00\x00\xc0\x3f" * 8) + 2] ^= 1
    path.write_bytes(data)
    file = TorchFile(path, "key")
    with pytest.raises(CheckpointError, match="a tensor is damaged: Bad CRC-32"):
        file.tensor(file.content["x"])
