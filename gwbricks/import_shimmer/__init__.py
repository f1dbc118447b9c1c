"""Takes over what was trained with Shimmer."""

from gwbricks.import_shimmer.import_run import import_shimmer as import_shimmer
