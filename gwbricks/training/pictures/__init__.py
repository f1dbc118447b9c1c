"""Metrics and images as pictures, in files and loggers."""
