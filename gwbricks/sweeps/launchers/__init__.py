"""Where jobs run: on Slurm, on Ray, or stacked in one process."""
