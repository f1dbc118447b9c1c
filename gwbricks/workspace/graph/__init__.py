"""The parts composed to one graph of bricks, and that graph in use."""
