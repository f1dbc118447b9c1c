"""What to try next: Optuna's study. It knows no jobs."""
