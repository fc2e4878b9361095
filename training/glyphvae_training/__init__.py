"""Offline half of glyphvae: trains the models and exports them to ONNX. Never imported by `service`."""
