"""Who imports gwbricks finds the process as it was."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = Path(__file__).with_name("process_state.py")


@pytest.fixture(scope="module")
def changed() -> dict[str, list[str]]:
    command = [sys.executable, str(PROBE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_importing_gwbricks_changes_nothing_in_the_process(
    changed: dict[str, list[str]],
) -> None:
    assert changed["import"] == []


def test_using_its_names_changes_no_more_than_importing_lightning_does(
    changed: dict[str, list[str]],
) -> None:
    assert changed["names"] == []
