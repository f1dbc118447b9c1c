"""What the first process sends to one that helps it train, and the answer."""

import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, IO

import yaml

from gwbricks.errors import one_line

TERMINATED = 143
"""Exit status of a process that was asked to end."""


READY = b"ready\n"
"""What a process answers when it is about to meet the others."""


@dataclass(frozen=True)
class WorkerSpec:
    """All that a process needs to help train: plain values, so nothing is unpickled.

    Args:
        config: The resolved config, with the run folder.
        trusted: See `resolve_target`.
        ckpt_path: Checkpoint to go on from.
        again: Whether the run goes on in its folder.
    """

    config: Mapping[str, Any]
    trusted: tuple[str, ...] = ()
    ckpt_path: str | None = None
    again: bool = False

    def send(self, stream: IO[bytes]) -> None:
        """Writes the spec; the stream stays open for as long as this process lives."""
        plain = {**asdict(self), "trusted": list(self.trusted)}
        text = yaml.safe_dump(plain).encode()
        stream.write(f"{len(text)}\n".encode() + text)
        stream.flush()

    @classmethod
    def receive(cls, stream: IO[bytes]) -> "WorkerSpec":
        """Reads what `send` wrote."""
        size = int(stream.readline())
        plain = yaml.safe_load(stream.read(size))
        return cls(**{**plain, "trusted": tuple(plain["trusted"])})


def failure(error: Exception) -> str:
    """Returns a traceback whose last line is the whole error."""
    return "".join([*traceback.format_exception(error), f"{one_line(error)}\n"])
