"""What Lightning calls while it trains: best checkpoint, signals, metrics.csv."""
