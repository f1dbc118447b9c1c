"""Loggers: they are started, get results and artifacts, and are uploaded."""
