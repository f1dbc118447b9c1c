"""Runs: from configs to trained models, and the folders that they leave."""
