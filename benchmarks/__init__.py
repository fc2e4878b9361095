"""Measurements of the service beside others, one part a module; `python -m benchmarks` runs them."""

import os

# For the service and its peers alike: ONNX Runtime's telemetry is off.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
