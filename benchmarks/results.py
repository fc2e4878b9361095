"""Results on disk: one JSON file a part, with its settings and the machine, versions and commit that were measured.

No host names, users or paths are written.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from benchmarks.peers import FRAMEWORKS
from benchmarks.server import ROOT

FOLDER = ROOT / "benchmarks" / "results"
# The parts on the page.
PARTS = ("http", "arrivals", "footprint", "growth", "compare", "guarded", "decoder", "training", "gpu")
# Packages of this environment whose versions matter.
PACKAGES = ("uvicorn", "uvloop", "httptools", "starlette", "fastapi", "onnxruntime", "numpy", "pillow", "torch")

Result = dict[str, Any]
Results = dict[str, Result]


def write(folder: Path, part: str, settings: Result, figures: object) -> Path:
    """Write the figures of a part and return the file's path.

    The list `remarks` is for readers of the figures and edited by hand; the page shows it.
    """
    taken = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"part": part, "taken": taken, **describe(), "settings": settings, "remarks": [], "figures": figures}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{part}.json"
    path.write_text(json.dumps(rounded(content), indent=1) + "\n", encoding="utf-8")
    return path


def read(folder: Path) -> Results:
    """Read the results that exist, by part."""
    paths = {part: folder / f"{part}.json" for part in PARTS}
    return {part: json.loads(path.read_text(encoding="utf-8")) for part, path in paths.items() if path.exists()}


def rounded(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Round every float in `value` to five digits, which is more than any measurement here is good for."""
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.5g}"))


def describe() -> Result:
    """Return the facts that every result holds: processor, kernel, versions and commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    kernel = {"kernel": re.split(r"[^\d.]", platform.release())[0], "architecture": platform.machine()}
    machine = {"processor": _processor(), "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory / 2**30)}
    return {
        "machine": machine | kernel,
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(git("status", "--porcelain", "--untracked-files=no")),
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "unknown"


def _versions() -> dict[str, str]:
    """Return the versions of everything measured that is installed."""
    folders = [str(path) for path in ROOT.glob(".venv-bench-*/lib/python*/site-packages")]
    found: dict[str, str] = {}
    for names, path in ((PACKAGES, sys.path), (FRAMEWORKS, folders)):
        known = {one.metadata["Name"].lower(): one.version for one in distributions(path=path)}
        found |= {name: known[name] for name in names if name in known}
    if shutil.which("wrk"):
        # It prints its version as the second word, and then fails for want of an address.
        said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split()
        found["wrk"] = said[1] if len(said) > 1 else ""
    return found


def git(*arguments: str, root: Path = ROOT) -> str:
    """Return what a git command prints in a checkout, empty where it fails."""
    result = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return result.stdout.strip()
