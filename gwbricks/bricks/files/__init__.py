"""A graph, or part of it, in a file: weights, ONNX, torch.export."""
