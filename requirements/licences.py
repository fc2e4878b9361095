"""`python requirements/licences.py LOCK FILE`: the licences of what a lock installs, from the environment that has it.

Run by the interpreter of that environment; needs nothing beyond the standard library.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_CLASSIFIER = "License :: "


def licence(name: str) -> str:
    """What the package says of itself: an SPDX expression, its classifiers, or the first line of its licence."""
    facts = metadata(name)
    classifiers = [c.split(" :: ")[-1] for c in facts.get_all("Classifier", []) if c.startswith(_CLASSIFIER)]
    words = facts.get("License-Expression") or ", ".join(classifiers) or facts.get("License") or "not stated"
    return words.strip().splitlines()[0]


def installed(name: str) -> str | None:
    """The version that is installed, None if none is."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def table(lock: str) -> str:
    """One row a package that is installed; a lock also names those of other platforms."""
    rows = ["# Licences", "", "Of what the service installs on Linux; written by `make licences`.", ""]
    rows += ["| package | version | licence |", "|---|---|---|"]
    for name, pinned in sorted(_PINNED.findall(lock)):
        if installed(name) == pinned:
            rows.append(f"| {name} | {pinned} | {licence(name)} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(table(Path(sys.argv[1]).read_text(encoding="utf-8")), encoding="utf-8")
