"""Where jobs run: Slurm, Ray, one stack."""
