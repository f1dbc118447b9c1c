"""The whole of it on a Ray cluster of one machine."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TROUBLE = """
import os
from lightning.pytorch import Callback


class Trouble(Callback):
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_fit_start(self, trainer, module) -> None:
        assert os.environ["GIVEN"] == "with the command"
        if self.seed == 0:
            raise OSError("disk full")
"""
COMMAND = [
    *(sys.executable, "-m", "gwbricks", "train", "--trust", "trouble", "-m"),
    *("seed=0,1,2", "sweep.name=mine", "logger=csv", "hydra/launcher=ray"),
    *("domains.domain1.pretrain=null", "domains.domain2.pretrain=null"),
    *("trainer.max_epochs=1", "+callbacks.trouble._target_=trouble.Trouble"),
    "+callbacks.trouble.seed=${seed}",
]


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Starts a cluster in a folder of its own, and ends it."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # a user may have a token
    pytest.importorskip("ray", reason="needs gwbricks[ray]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        start = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head"),
            *("--block", "--num-cpus=2", f"--port={port}", f"--temp-dir={folder}"),
            *("--node-ip-address=127.0.0.1", "--include-dashboard=false"),
            "--disable-usage-stats",
        ]
        with subprocess.Popen(
            start, cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL
        ) as cluster:
            _wait_for(port, cluster)
            yield f"127.0.0.1:{port}"
            cluster.terminate()


def _wait_for(port: int, cluster: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert cluster.poll() is None
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("Ray did not start")


@pytest.mark.slow
def test_jobs_run_beside_each_other_and_one_that_fails_stops_no_other(
    tmp_path: Path, address: str
) -> None:
    (tmp_path / "trouble.py").write_text(TROUBLE)
    done = subprocess.run(
        [*COMMAND, f"hydra.launcher.address={address}"],
        cwd=tmp_path,
        env={**os.environ, "GIVEN": "with the command"},
        capture_output=True,
        text=True,
    )
    assert "3 jobs: 1 failed, 2 finished" in done.stdout
    assert "000_seed=0: OSError: disk full" in done.stderr
    assert done.returncode == 1
    assert "INFO" not in done.stdout + done.stderr
    assert len(list(tmp_path.glob("outputs/sweeps/mine/*/metrics.json"))) == 2
