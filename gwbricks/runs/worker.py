"""The program of a process that helps another one train."""

import os
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, IO

import yaml

from gwbricks.errors import one_line
from gwbricks.quick_imports import quick_imports

TERMINATED = 143
"""Exit status of a process that was asked to end."""

READY = b"ready\n"
"""What a process answers when it is about to meet the others."""


@dataclass(frozen=True)
class WorkerSpec:
    """All that a process needs to help: plain values, so that nothing is unpickled.

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


def main() -> int:
    """Helps to train what standard input says, and returns the exit status."""
    spec = WorkerSpec.receive(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        with quick_imports():
            from gwbricks.runs.execute import help_train

        help_train(spec, ready=lambda: os.write(answer, READY))
    except KeyboardInterrupt:
        return TERMINATED
    except Exception as error:
        sys.stderr.write(failure(error))
        return 1
    return 0


def failure(error: Exception) -> str:
    """Returns a traceback whose last line is the whole error."""
    return "".join([*traceback.format_exception(error), f"{one_line(error)}\n"])


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):  # ends with the process that asks
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
