"""Sweeps: jobs with an identity, a record, and a process of their own."""
