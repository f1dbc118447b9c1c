"""A finished run in use: evaluate, predict, export, load."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics
