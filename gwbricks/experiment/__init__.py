"""What one config describes: built, checked on a batch, given its weights."""
