"""Set-up of the whole test session."""

from hypothesis import settings

import gwbricks  # before torchmetrics, which may not find torchvision else

settings.register_profile("gwbricks", deadline=None)  # a busy machine is no failure
settings.load_profile("gwbricks")

assert gwbricks.__version__
