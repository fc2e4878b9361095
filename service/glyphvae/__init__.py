"""The online half of glyphvae: an HTTP service that runs exported autoencoders through ONNX Runtime."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("glyphvae")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
