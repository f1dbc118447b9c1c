"""Many jobs: their identity, record and process, and Hydra's launcher around them."""
