"""Set-up of the whole test session."""

from importlib import import_module

from hypothesis import settings

settings.register_profile("gwbricks", deadline=None)  # a busy machine is no failure
settings.load_profile("gwbricks")


def pytest_sessionstart() -> None:
    """Imports gwbricks before torchmetrics, which may not find torchvision else."""
    import_module("gwbricks")
