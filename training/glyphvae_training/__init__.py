"""Offline half of glyphvae: trains the models and exports them to ONNX. Never imported by `glyphvae`."""

import os

# ONNX Runtime reads this when it is imported. Without it, it writes a device id and a database below the home directory
# and looks up the host of its vendor.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
