"""`python -m tests.fuzz.run TARGET [libFuzzer options]`: fuzz one target, new inputs going to .cache/fuzz/TARGET."""

import operator
import sys
from pathlib import Path
from typing import Any

import atheris
import numpy as np

with atheris.instrument_imports(include=["glyphvae", "PIL"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.mutators import MUTATORS

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path(".cache") / "fuzz"
# A service stays under 512 MiB; the fuzzer itself, its counters and corpus take up to 64 MiB.
MEMORY = 512 + 64

# By atheris' number for each, which is Python's own.
COMPARISONS = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)


def compare(left: Any, right: Any, comparison: int, *place: Any) -> Any:  # noqa: ANN401 (any two operands)
    """Compare arrays without atheris, which never frees the result: a MiB would be lost every few thousand inputs."""
    if type(left) is np.ndarray or type(right) is np.ndarray:
        return COMPARISONS[comparison](left, right)
    return traced(left, right, comparison, *place)


traced = atheris._trace_cmp
# Instrumented code looks it up here.
atheris._trace_cmp = compare


def main() -> None:
    """Run until the time is up or an input fails."""
    name, *options = sys.argv[1:]
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    folders = [str(found), str(CORPUS / name)]
    defaults = ["-max_len=4096", "-timeout=30", f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={found}-"]
    mutator = {"custom_mutator": MUTATORS[name]} if name in MUTATORS else {}
    atheris.Setup([sys.argv[0], *defaults, *options, *folders], TARGETS[name], **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
