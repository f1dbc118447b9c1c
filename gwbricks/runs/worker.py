"""The program of a process that helps another one train."""

import os
import sys
import threading

from gwbricks.quick_imports import quick_imports
from gwbricks.runs.processes.worker_spec import failure, READY, TERMINATED, WorkerSpec


def main() -> int:
    """Helps to train what standard input says, and returns the exit status."""
    spec = WorkerSpec.receive(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # What libraries print is not to be taken for the answer.
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        with quick_imports():
            from gwbricks.runs.train import help_train

        help_train(spec, ready=lambda: os.write(answer, READY))
    except KeyboardInterrupt:
        return TERMINATED
    except Exception as error:
        sys.stderr.write(failure(error))
        return 1
    return 0


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):  # ends with the process that asks
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
