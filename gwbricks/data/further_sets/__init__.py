"""Rows to evaluate on besides the data's own."""
