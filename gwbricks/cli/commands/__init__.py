"""One file a command: `ls` is the list of commands."""
