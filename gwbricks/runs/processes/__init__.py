"""The processes of one training, and how they start and end."""
