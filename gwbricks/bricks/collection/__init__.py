"""A graph as a torch module that runs, eager or compiled."""
