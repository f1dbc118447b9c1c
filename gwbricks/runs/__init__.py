"""One run: check, train, test."""
