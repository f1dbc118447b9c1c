"""A finished run in use: evaluate, predict, export, load."""
