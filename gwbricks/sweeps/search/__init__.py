"""Search by Optuna: a sweep whose next values depend on what was found so far."""
