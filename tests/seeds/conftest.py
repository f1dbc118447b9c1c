"""The seeds' own scripts are run by the tests, not collected."""

collect_ignore = ["shimmer_tutorial"]
