from pathlib import Path

import pytest

from gwbricks.cli.shared_arguments import batch_size, split_overrides
from gwbricks.errors import ConfigError


def test_file_with_an_equals_sign_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("step=3.ckpt").touch()
    found = split_overrides(["seed=1", "step=3.ckpt", "run"])
    assert found == (["step=3.ckpt", "run"], ["seed=1"])


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", ""])
def test_batch_size_is_a_whole_number_above_0(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--batch-size: .* above 0\. Fix: less$"):
        batch_size(text, fix=" Fix: less")
    assert batch_size("12") == 12
