"""Takes tensors out of a file of `torch.save`, whatever else was pickled into it."""

import math
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gwbricks.errors import CheckpointError
from gwbricks.pickle_data import Call, Global, Persistent, read_pickle

DTYPES = {
    f"torch.{kind}Storage": dtype
    for kind, dtype in {
        "Double": torch.float64,
        "Float": torch.float32,
        "Half": torch.float16,
        "BFloat16": torch.bfloat16,
        "Long": torch.int64,
        "Int": torch.int32,
        "Short": torch.int16,
        "Char": torch.int8,
        "Byte": torch.uint8,
        "Bool": torch.bool,
    }.items()
}
"""What the numbers of a storage are, by the class that the file names."""

TENSOR = "torch._utils._rebuild_tensor_v2"
PARAMETER = "torch._utils._rebuild_parameter"


class TorchFile:
    """A file of `torch.save`; nothing in it is run.

    `content` is what was saved, as `read_pickle` returns it.

    Args:
        path: The file.
        key: Config key or argument that names it.

    Raises:
        CheckpointError: If it is missing, damaged, or of another format.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.where = f"{key}: cannot read {str(path)!r}"
        if not path.is_file():
            raise CheckpointError(
                f"{key}: no file {str(path)!r} (from {str(Path.cwd())!r})."
            )
        try:
            self._zip = zipfile.ZipFile(path)
            self._folder = self._find_folder()
            if self._read("byteorder", b"little") != b"little":
                raise ValueError("its numbers are big-endian")
            self.content: Any = read_pickle(self._read("data.pkl"))
        except Exception as error:
            raise CheckpointError(
                f"{self.where}: {error}. Expected a file of torch.save (1.6 or newer)."
            ) from error

    def _find_folder(self) -> str:
        ends = [n for n in self._zip.namelist() if n.endswith("/data.pkl")]
        if len(ends) != 1:
            raise ValueError("it holds no pickle")
        return ends[0].removesuffix("data.pkl")

    def _read(self, name: str, default: bytes | None = None) -> bytes:
        try:
            info = self._zip.getinfo(self._folder + name)
        except KeyError:
            if default is None:
                raise ValueError(f"{name!r} is missing") from None
            return default
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name!r} is compressed, which torch.save never does")
        return self._zip.read(info)

    def tensor(self, value: object) -> Tensor | None:
        """Returns the tensor that a part of `content` describes; None if it is none.

        Raises:
            CheckpointError: If its numbers are not all there.
        """
        try:
            match value:
                case Call(Global(name=name), (tensor, *_)) if name == PARAMETER:
                    return self.tensor(tensor)
                case Call(
                    Global(name=name),
                    (Persistent(key=key), int(offset), tuple(size), tuple(stride), *_),
                ) if name == TENSOR:
                    return self._stored(key, offset, size, stride)
        except Exception as error:
            text = (str(error) or type(error).__name__).splitlines()[0]
            raise CheckpointError(
                f"{self.where}: a tensor is damaged: {text}."
            ) from error
        return None

    def _stored(
        self, key: object, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
    ) -> Tensor | None:
        match key:
            case ("storage", Global(name=kind), str(name), *_) if kind in DTYPES:
                data = self._read(f"data/{name}")
            case _:
                return None
        dtype = DTYPES[kind]
        if math.prod(size) * dtype.itemsize > len(data):
            raise ValueError(f"{math.prod(size)} numbers in {len(data)} bytes")
        if not data:
            return torch.empty(size, dtype=dtype)
        storage = torch.frombuffer(bytearray(data), dtype=dtype)
        return torch.as_strided(storage, size, stride, offset).clone()
