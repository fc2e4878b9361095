"""Results on disk: one JSON file a part, with the machine and the settings they come from."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import describe

FOLDER = Path(__file__).resolve().parent / "results"
PARTS = ("http", "arrivals", "footprint", "growth", "decoder", "training", "gpu")

Result = dict[str, Any]


def write(folder: Path, part: str, settings: Result, figures: object) -> Path:
    """Write what a part measured; returns the file's path.

    The list `remarks` is for what readers of the figures have to know besides; the page shows it.
    """
    taken = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"part": part, "taken": taken, **describe(), "settings": settings, "remarks": [], "figures": figures}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{part}.json"
    path.write_text(json.dumps(rounded(content), indent=1) + "\n", encoding="utf-8")
    return path


def read(folder: Path) -> dict[str, Result]:
    """The results there are, by part."""
    paths = {part: folder / f"{part}.json" for part in PARTS}
    return {part: json.loads(path.read_text(encoding="utf-8")) for part, path in paths.items() if path.exists()}


def rounded(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """`value` with every float cut to five digits, which is more than any measurement here is good for."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {str(key): rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(entry) for entry in value]
    return value
