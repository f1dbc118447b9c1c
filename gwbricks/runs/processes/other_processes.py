"""The processes of this machine that help this one train."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from gwbricks.errors import ProcessError
from gwbricks.runs.folder.run_folder import RunFolder
from gwbricks.runs.processes.worker_spec import READY, TERMINATED, WorkerSpec

POLL = 0.2
"""Seconds between two looks at them."""

SLOW = 5.0
"""Seconds in which a process that failed has surely ended."""

PATIENCE = 30.0
"""Seconds that this process may take to notice that another has failed."""

QUIET = {"TORCH_CPP_LOG_LEVEL": "ERROR"}
"""Keeps advice of torch out of the files that are there to say why one failed."""

ASKED = (TERMINATED, -signal.SIGTERM)
"""Exit statuses of those that were asked to end."""


class OtherProcesses:
    """Starts processes, watches them, and ends with them.

    When one fails, this process fails in what it does together with it. If it waits
    instead, as GPUs do, for much too long, then it is ended here.

    Args:
        count: How many processes there are in all.
        folder: Where each writes what it has to say.
    """

    def __init__(self, count: int, folder: Path) -> None:
        self.count, self.folder = count, folder
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._is_over = threading.Event()
        for log in folder.glob(log_name("*")):
            log.unlink()  # of before, where a run goes on

    def start(self, number: int, local: int, spec: WorkerSpec) -> None:
        """Starts a process.

        Args:
            number: Its number among all.
            local: Its number on this machine.
            spec: What it is given to do.
        """
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        # A file, not a pipe: a pipe that nobody empties would stop the process.
        with (self.folder / log_name(number)).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gwbricks.runs.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={
                    **os.environ,
                    **QUIET,
                    "LOCAL_RANK": str(local),
                    "PYTHONPATH": path,
                },
                start_new_session=True,  # Ctrl-C is for this process alone
            )
        self._processes[number] = process
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it has died, as will be seen
            spec.send(process.stdin)

    def wait(self) -> None:
        """Waits until all are ready to meet, which takes seconds.

        Raises:
            ProcessError: If one failed before.
        """
        for process in self._processes.values():
            assert process.stdout is not None
            if process.stdout.readline() != READY and (cause := self.cause(SLOW)):
                raise ProcessError(cause)

    def __enter__(self) -> "OtherProcesses":
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Waits for the others to end; those that cannot, when this one failed, die."""
        self._is_over.set()
        deadline = time.monotonic() + (PATIENCE if kind is None else 1.0)
        for number, process in self._processes.items():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.communicate()  # closes its pipes
            log = self.folder / log_name(number)
            if log.is_file() and not log.stat().st_size:
                log.unlink()

    def cause(self, patience: float, is_asked: bool = False) -> str | None:
        """Returns why another process failed; None if none did.

        Args:
            patience: Seconds to wait for one that is about to end.
            is_asked: Whether all were asked to end, so that this is no failure.
        """
        deadline = time.monotonic() + patience
        while True:
            for number in sorted(self._numbers()):
                if found := self._failure(number, is_asked):
                    return f"process {number} of {self.count} {found}"
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL)

    def _numbers(self) -> set[int]:
        """Returns the processes that may have failed, started here or elsewhere."""
        logs = self.folder.glob(log_name("*"))
        return {*self._processes, *(int(log.stem.split("_")[1]) for log in logs)}

    def _failure(self, number: int, is_asked: bool) -> str | None:
        process, log = self._processes.get(number), self.folder / log_name(number)
        status = 1 if process is None else process.poll()
        if not status or (is_asked and status in ASKED):
            return None
        if status == TERMINATED:
            return "was interrupted"
        if status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        lines = log.read_text(encoding="utf-8").splitlines()
        return f"failed: {lines[-1] if lines else f'status {status}'}\n  see {log}"

    def _watch(self) -> None:
        while not self._is_over.wait(POLL):
            if cause := self.cause(0.0, is_asked=True):
                if not self._is_over.wait(PATIENCE):
                    # The main thread waits in torch for a partner that is dead, and no
                    # exception reaches it there.
                    RunFolder(self.folder).finish("failed", f"ProcessError: {cause}")
                    os._exit(1)
                return


def log_name(number: int | str) -> str:
    """Returns the name of the file in the run folder in which a process complains."""
    return f"process_{number}.log"
