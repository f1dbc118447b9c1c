"""From YAML and overrides to a checked config and the objects it may name."""
