"""One file a command: its words, as a `Command`, and `run`, which does what it says.

Help reads the words of all of them, so what is heavy is imported in `run`.
"""
