"""From checkpoints to ONNX graphs and manifests."""
