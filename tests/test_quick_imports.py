import gc
import sys
from collections.abc import Iterator

import pytest

from gwbricks.quick_imports import quick_imports


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.enable()
    gc.unfreeze()


def test_a_first_import_is_left_out_of_later_collections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with quick_imports():
        assert not gc.isenabled()
        import colorsys  # noqa: F401 - a small module
    assert gc.isenabled()
    assert gc.get_freeze_count()


def test_later_imports_leave_nothing_out() -> None:
    with quick_imports():
        import gwbricks  # noqa: F401 - it has been imported
    assert gc.isenabled()
    assert not gc.get_freeze_count()


def test_collector_works_again_after_a_failed_import() -> None:
    with pytest.raises(ModuleNotFoundError), quick_imports():
        import no_such_module  # noqa: F401 # pyright: ignore[reportMissingImports]
    assert gc.isenabled()


def test_collector_that_is_off_stays_off() -> None:
    gc.disable()
    with quick_imports():
        pass
    assert not gc.isenabled()
