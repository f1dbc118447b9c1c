"""What a run leaves on disk: place, run.json, numbers."""
