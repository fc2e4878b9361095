"""Check the branch coverage of each package against its gate, and list the excluded lines with their reasons.

`make test` runs this after the tests: `python -m tests.coverage_gates` reads `.coverage`. The gates hold on Linux,
where all tests run.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coverage import Coverage

# Least percentage of statements and branches, counted together.
GATES = {"service/glyphvae": 100.0, "training/glyphvae_training": 97.0}

# What the patterns of pyproject.toml exclude; a pragma has its reason behind it.
REASONS = {
    re.compile(r"if TYPE_CHECKING:"): "imported by type checkers alone",
    re.compile(r"@overload"): "signatures for type checkers",
}
PRAGMA = re.compile(r"# pragma: no (?:cover|branch) \((.+)\)$")


@dataclass(frozen=True)
class Excluded:
    """Lines that do not count, and why.

    Args:
        file: Where they are.
        first: Number of the first one.
        count: How many they are.
        reason: Why they are excluded.
    """

    file: str
    first: int
    count: int
    reason: str


def excluded_of(file: str, source: list[str], numbers: list[int]) -> Iterator[Excluded]:
    """Yield the excluded blocks of a file.

    Args:
        file: Its path.
        source: Its lines.
        numbers: Numbers of the excluded lines, ascending, counted from 1.
    """
    blocks: list[list[int]] = []
    for number in (number for number in numbers if source[number - 1].strip()):
        first = source[blocks[-1][0] - 1] if blocks else ""
        decorated = first.lstrip().startswith("@") and number == blocks[-1][-1] + 1
        if blocks and (decorated or indent(source[number - 1]) > indent(first)):
            blocks[-1].append(number)
        else:
            blocks.append([number])
    for block in blocks:
        yield Excluded(file, block[0], len(block), reason(source[block[0] - 1]))


def indent(line: str) -> int:
    """Return the number of spaces before the text of a line."""
    return len(line) - len(line.lstrip())


def reason(line: str) -> str:
    """Return why a line, and what is indented below it, is excluded."""
    if found := PRAGMA.search(line):
        return found[1]
    return next((text for pattern, text in REASONS.items() if pattern.search(line)), line.strip())


def percentage(summaries: list[dict[str, Any]]) -> float:
    """Return the share of statements and branches that ran, in percent."""
    possible = sum(one["num_statements"] + one["num_branches"] for one in summaries)
    ran = sum(one["covered_lines"] + one["covered_branches"] for one in summaries)
    return 100 * ran / possible if possible else 100.0


def missing(file: str, entry: dict[str, Any]) -> Iterator[str]:
    """Yield the place of everything in a file that did not run."""
    for line in entry["missing_lines"]:
        yield f"{file}:{line}: did not run"
    gone = set(entry["missing_lines"])
    for start, end in entry["missing_branches"]:
        if start not in gone:
            yield f"{file}:{start}: never went to {f'line {end}' if end > 0 else 'the end'}"


def main(report: dict[str, Any], gates: dict[str, float]) -> int:
    """Print the result of each package and what is excluded.

    Args:
        report: Coverage's report in JSON.
        gates: Least percentages by folder.

    Returns:
        The number of packages below their gate.
    """
    files: dict[str, dict[str, Any]] = report["files"]
    failed = 0
    for folder, gate in gates.items():
        own = {file: entry for file, entry in files.items() if file.startswith(f"{folder}/")}
        reached = percentage([entry["summary"] for entry in own.values()])
        if reached < gate:
            failed += 1
            print(*(line for file, entry in own.items() for line in missing(file, entry)), sep="\n")
        print(f"{folder}: {reached:.2f} % of statements and branches, gate {gate:g} %")
    blocks = [
        block
        for file, entry in files.items()
        for block in excluded_of(file, Path(file).read_text(encoding="utf-8").splitlines(), entry["excluded_lines"])
    ]
    print(f"{sum(block.count for block in blocks)} lines are excluded:")
    for block in blocks:
        print(f"  {block.file}:{block.first}: {block.count} ({block.reason})")
    return failed


def load() -> dict[str, Any]:
    """Return the report on the last run, in JSON."""
    coverage = Coverage()
    coverage.load()
    with tempfile.NamedTemporaryFile() as file:
        coverage.json_report(outfile=file.name)
        found: dict[str, Any] = json.loads(Path(file.name).read_bytes())
    return found


if __name__ == "__main__":
    sys.exit(min(main(load(), GATES if sys.platform == "linux" else {}), 1))
