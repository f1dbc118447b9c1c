"""Uses a finished run: evaluates, predicts, exports, loads it."""
