"""One file a command: `ls` is the list of commands.

A file has a `Command` that describes it, and `run`, which does it. `gwbricks --help`
imports all of them, so `run` imports what takes long to import.
"""
