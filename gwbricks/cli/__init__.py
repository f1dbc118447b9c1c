"""The command line: entry point, Hydra, options."""
