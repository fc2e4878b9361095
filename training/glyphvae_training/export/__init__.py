"""Export of runs to ONNX graphs and manifests."""
