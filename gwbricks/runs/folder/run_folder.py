"""The run folder: all that is needed to repeat, resume, evaluate and compare a run."""

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, UTC
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from gwbricks.formats import check_format, NOTED, RUN
from gwbricks.runs.folder.place import make_free_folder
from gwbricks.whole_file import write_together, write_whole

PACKAGES = {
    "gwbricks": "gwbricks",
    "torch": "torch",
    "lightning": "lightning",
    "hydra-core": "hydra",
    "omegaconf": "omegaconf",
    "wandb": "wandb",
    "torchmetrics": "torchmetrics",
}
"""Packages whose versions are noted, and what each is imported as."""


@dataclass(frozen=True)
class RunFolder:
    """One run's folder.

    Args:
        path: Where it is.
    """

    path: Path

    @classmethod
    def create(cls, parent: Path, name: str) -> "RunFolder":
        """Makes a new folder; see `make_free_folder`.

        Raises:
            ConfigError: If it cannot be written to.
        """
        return cls(make_free_folder(parent, name))

    def start(self, config: Mapping[str, Any], overrides: Sequence[str]) -> None:
        """Writes the config, the overrides, and that the run is running."""
        record = {
            NOTED: RUN,
            "status": "running",
            "seed": config["seed"],
            "commit": _commit(),
            "started": self.read().get("started", _now()),
            "versions": {
                "python": platform.python_version(),
                **{name: _version(name) for name in PACKAGES},
            },
        }
        files = {  # in this order: a run is one once `run.json` is there
            "config.yaml": _yaml(dict(config)),
            "overrides.yaml": _yaml(list(overrides)),
            "run.json": _json(record),
        }
        write_together({self.path / name: text for name, text in files.items()})

    def finish(self, status: str, error: str | None = None) -> None:
        """Writes how the run ended: finished, pruned, failed or interrupted."""
        end = {"status": status, "ended": _now(), "error": error}
        self.write_json("run.json", {**self.read(), **end})

    def read(self) -> dict[str, Any]:
        """Returns what `run.json` says; nothing if the run has not started.

        Raises:
            FormatError: If a newer gwbricks wrote it.
        """
        path = self.path / "run.json"
        if not path.is_file():
            return {}
        record = json.loads(path.read_text(encoding="utf-8"))
        check_format(record, RUN, path)
        return record

    def remove(self) -> None:
        """Removes the folder, and those around it that held nothing else."""
        shutil.rmtree(self.path)
        with suppress(OSError):  # there are other runs
            for parent in self.path.parents[:2]:
                parent.rmdir()

    def write_json(self, name: str, content: object) -> None:
        """Writes a JSON file, whole or not at all."""
        write_whole(self.path / name, _json(content))


def _json(content: object) -> str:
    return json.dumps(content, indent=2) + "\n"


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(package: str) -> str:
    # The library's own word, where it is imported anyway: pip says 2.14.1 of a torch
    # that says 2.14.1+cu130, and the builds do not give the same numbers.
    module = sys.modules.get(PACKAGES[package])
    return getattr(module, "__version__", None) or version(package)


def _commit() -> str | None:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
