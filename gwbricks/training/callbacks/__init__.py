"""What Lightning calls while it trains: checkpoints, signals, metrics.csv."""
