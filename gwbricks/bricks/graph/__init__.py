"""Which brick feeds which: names resolved, checked, ordered, ready to run."""
