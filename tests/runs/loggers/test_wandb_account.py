import socket

import pytest

from gwbricks.runs.loggers import wandb_account


def test_server_that_does_not_answer_is_given_up_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wandb_account, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert "timed out" in str(wandb_account._unreachable(url))


def test_server_that_is_not_there_is_told() -> None:
    assert "refused" in str(wandb_account._unreachable("http://127.0.0.1:9"))
    assert "unknown url type" in str(wandb_account._unreachable("nowhere"))
