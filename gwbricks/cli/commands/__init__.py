"""One file a command: a `Command` that describes it, and `run`, which does it.

`gwbricks --help` imports all of them, so `run` imports what takes long to import.
"""
