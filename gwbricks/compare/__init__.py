"""Runs side by side: read from folders or W&B, grouped, shown and written."""
