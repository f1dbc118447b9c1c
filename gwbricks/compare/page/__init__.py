"""The same as one HTML page."""
