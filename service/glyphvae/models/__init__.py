"""Exported models: manifests, ONNX Runtime sessions and what they compute."""
