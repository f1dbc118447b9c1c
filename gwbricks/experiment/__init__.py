"""What one config describes: built, checked on a batch, given its weights."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics
