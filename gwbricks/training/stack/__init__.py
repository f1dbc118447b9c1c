"""Many small trainings in one process, step by step together."""

from gwbricks.training.stack.meeting import Meeting as Meeting, Request as Request
from gwbricks.training.stack.run_random_state import RandomState as RandomState
