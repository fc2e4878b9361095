"""The online half of glyphvae: an HTTP service that runs exported autoencoders through ONNX Runtime.

`Writer` is the service without HTTP, and `app` the application, to be served (`uvicorn glyphvae:app`) or mounted
(`app.mount("/handwriting", glyphvae.app)`), with settings from `GLYPHVAE_*` variables. Both are made when asked for.
"""

import os
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glyphvae.application import Application
    from glyphvae.writer import Writer

    app: Application

__all__ = ["Writer", "__version__", "app"]

# ONNX Runtime reads this when it is imported. Without it, it writes a device id and a database below the home directory
# and looks up the host of its vendor.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

try:
    __version__ = version("glyphvae")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> object:
    """Return an attribute that is made on first use, because it takes a second of imports or loads models."""
    if name == "app":
        from glyphvae.application import create  # noqa: PLC0415

        return globals().setdefault(name, create())
    if name == "Writer":
        from glyphvae.writer import Writer  # noqa: PLC0415

        return globals().setdefault(name, Writer)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
