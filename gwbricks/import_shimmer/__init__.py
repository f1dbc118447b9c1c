"""A checkpoint of Shimmer as a run folder; nothing in it is unpickled."""

from gwbricks.import_shimmer.import_run import import_shimmer as import_shimmer
