"""Measurements of the service beside other servers; `python -m benchmarks --help` lists the parts."""

import os

# onnxruntime reads it when it is imported; every server that a benchmark starts inherits it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
