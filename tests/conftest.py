"""What all tests share."""

import os

from hypothesis import settings

# As the packages under test do, which some modules of tests import after ONNX Runtime.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("glyphvae", deadline=None)
settings.load_profile("glyphvae")
