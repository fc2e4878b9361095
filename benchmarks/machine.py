"""What a result was measured on: processor, kernel, versions and commit; no host names, users or paths."""

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from benchmarks.programs import ROOT, environment_of

# Whose versions matter, by the environment they are in: "" is this one.
PACKAGES = {
    "": ("uvicorn", "uvloop", "httptools", "starlette", "fastapi", "onnxruntime", "numpy", "pillow", "torch"),
    "litserve": ("litserve",),
    "bentoml": ("bentoml",),
    "mlserver": ("mlserver",),
}


def describe() -> dict[str, Any]:
    """The facts, as they go into every result."""
    return {
        "machine": {
            "processor": processor(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "kernel": re.split(r"[^\d.]", platform.release())[0],
            "architecture": platform.machine(),
        },
        "versions": {"python": platform.python_version(), **versions(), "wrk": wrk_version()},
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
    }


def processor() -> str:
    """The processor's name, as the kernel has it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def versions() -> dict[str, str]:
    """The versions of everything measured that is installed."""
    found: dict[str, str] = {}
    for framework, names in PACKAGES.items():
        folders = [str(path) for path in environment_of(framework).glob("lib/python*/site-packages")]
        installed = distributions(path=folders) if framework else distributions(path=sys.path)
        known = {distribution.metadata["Name"].lower(): distribution.version for distribution in installed}
        found |= {name: known[name] for name in names if name in known}
    return found


def wrk_version() -> str:
    """The version of wrk, empty where it is not installed."""
    if shutil.which("wrk") is None:
        return ""
    # It prints its version as the second word, and then fails for want of an address.
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split()
    return said[1] if len(said) > 1 else ""


def _git(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout.strip()
