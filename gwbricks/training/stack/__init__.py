"""Stacks: runs of one architecture whose steps are computed together."""

from gwbricks.training.stack.meeting import Meeting as Meeting, Request as Request
from gwbricks.training.stack.run_random_state import RandomState as RandomState
