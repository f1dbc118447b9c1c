"""W&B's public API, asked for real, answers with the responses of a file."""

import json
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gwbricks.compare import wandb_runs
from gwbricks.compare.comparison import compare
from gwbricks.compare.report import report
from gwbricks.compare.wandb_runs import read_wandb
from gwbricks.errors import ConfigError

RESPONSES = json.loads(
    Path(__file__).with_name("wandb_responses.json").read_text(encoding="utf-8")
)


def answer(query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Returns what W&B says to a query."""
    if "history(" in query:
        rows = RESPONSES["history"][variables["name"]]
        return {"project": {"run": {"history": [json.dumps(row) for row in rows]}}}
    if "runs(" not in query:
        return RESPONSES["viewer"]
    if variables["project"] != "gwbricks":
        return {"project": None}
    if json.loads(variables["filters"]) in ({"group": "lr"}, {}):
        return RESPONSES["runs"]
    page = {"edges": [], "pageInfo": {"endCursor": None, "hasNextPage": False}}
    return {"project": {**RESPONSES["runs"]["project"], "runCount": 0, "runs": page}}


class Handler(BaseHTTPRequestHandler):
    """Answers GraphQL."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not body or self.path != "/graphql":
            return self.send_error(404)
        asked = json.loads(body)
        text = json.dumps(
            {"data": answer(asked["query"], asked.get("variables") or {})}
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
        return None

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stays quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def wandb_api(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """W&B's client, logged in to the server above, in a process that knows no other."""
    import wandb

    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_BASE_URL", server)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("HOME", str(tmp_path))
    wandb.teardown()
    yield
    wandb.teardown()


@pytest.mark.usefixtures("wandb_api")
def test_a_group_of_runs_is_compared() -> None:
    runs = read_wandb("wandb:lab/gwbricks/lr")
    assert [run.status for run in runs] == ["finished"] * 3 + ["failed"]
    assert [run.name for run in runs] == [
        *("lr=0.1,seed=0", "lr=0.1,seed=1"),
        *("lr=0.01,seed=0", "lr=0.01,seed=1"),
    ]
    assert runs[0].numbers == {"val/loss": 0.2, "test/accuracy": 0.8}
    assert runs[0].seconds == 12.5
    curve = runs[0].curves["val/loss"]
    assert (curve.steps.tolist(), curve.values.tolist()) == (
        [9, 19, 29],
        [1.2, 0.7, 0.2],
    )
    found = compare("lr", runs)
    assert [(row.values, len(row.runs)) for row in found.rows] == [
        ({"optimizer.lr": 0.01}, 2),
        ({"optimizer.lr": 0.1}, 2),
    ]
    assert found.rows[1].averages["val/loss"].mean == pytest.approx(0.3)


@pytest.mark.usefixtures("wandb_api")
def test_a_whole_project_is_compared_with_a_folder(
    run_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = run_folder("own", {"optimizer": {"lr": 0.5}, "seed": 0})
    path = tmp_path / "page.html"
    found = report(["wandb:lab/gwbricks", str(folder)], paths=[path])
    assert [run.name for run in found.runs[:2]] == ["own", "lr=0.1,seed=0"]
    assert "lab/gwbricks" in path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("wandb_api")
@pytest.mark.parametrize(
    ("address", "message"),
    [
        pytest.param(
            "wandb:lab/gwbricks/rl", "no run in the group 'rl' of", id="group"
        ),
        pytest.param(
            "wandb:lab/other/lr", "wandb:lab/other/lr: W&B says:", id="project"
        ),
    ],
)
def test_what_is_not_there_is_told(address: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_wandb(address)


@pytest.mark.usefixtures("wandb_api")
def test_nobody_is_asked_to_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(ConfigError, match=r"not logged in to W&B\. Fix: wandb login"):
        read_wandb("wandb:lab/gwbricks/lr")


@pytest.mark.parametrize(
    "address", ["wandb:", "wandb:lab", "wandb:lab//lr", "wandb:a/b/"]
)
def test_an_address_has_three_parts(address: str) -> None:
    with pytest.raises(ConfigError, match="expected wandb:ENTITY/PROJECT/GROUP"):
        read_wandb(address)


def test_numbers_of_the_best_weights_count_as_in_run_folders() -> None:
    summary = {"val/loss": 0.3, "best/val/loss": 0.2, "test/loss": 0.4}
    assert wandb_runs._of_best_weights(summary) == {"val/loss": 0.2, "test/loss": 0.4}
