"""W&B, TensorBoard, MLflow, CSV: start, summary, artifacts, upload."""
