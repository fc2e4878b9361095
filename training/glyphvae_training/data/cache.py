"""Location of the cache of assembled data sets."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return `GLYPHVAE_CACHE` if set, else `glyphvae` in the platform's cache folder. It need not exist yet."""
    if named := os.environ.get("GLYPHVAE_CACHE"):
        return Path(named)
    return platform_cache() / "glyphvae"


def platform_cache() -> Path:
    """Return the user's cache folder: XDG_CACHE_HOME, ~/Library/Caches or LOCALAPPDATA, each with its default."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
