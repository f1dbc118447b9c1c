"""Takes over what was trained with Shimmer."""

from gwbricks.runs.shimmer.run import import_shimmer as import_shimmer
