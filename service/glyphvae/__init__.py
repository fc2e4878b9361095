"""The online half of glyphvae: an HTTP service that runs exported autoencoders through ONNX Runtime."""

import os
from importlib.metadata import PackageNotFoundError, version

# ONNX Runtime reads this when it is imported. Without it, it writes a device id and a database below the home directory
# and looks up the host of its vendor.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

try:
    __version__ = version("glyphvae")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
