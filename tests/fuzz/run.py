"""`python -m tests.fuzz.run TARGET [libFuzzer options]`: fuzz one target, new inputs going to .cache/fuzz/TARGET."""

import random
import re
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["glyphvae", "PIL"]):
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path(".cache") / "fuzz"
# A service stays under 512 MiB; the fuzzer itself, its counters and corpus take up to 64 MiB.
MEMORY = 512 + 64

Mutator = Callable[[bytes, int, int], bytes]


def mutate_jpeg(data: bytes, most: int, seed: int) -> bytes:
    """Change the segments of a JPEG file: among random bytes few lengths and markers would survive."""
    rng = random.Random(seed)  # noqa: S311 (a seed of the fuzzer's)
    parts = re.split(rb"(?=\xff[\xc0-\xcf\xd8-\xfe])", data)
    one, other = rng.randrange(len(parts)), rng.randrange(len(parts))
    match rng.randrange(5):
        case 0:
            parts = [atheris.Mutate(data, most)]
        case 1:
            parts[one] = _with_length(atheris.Mutate(parts[one], len(parts[one]) + 64))
        case 2:
            parts[one:one] = [parts[other]] * rng.choice((1, 2, 8, 40))
        case 3:
            parts[one], parts[other] = parts[other], parts[one]
        case _:
            del parts[one]
    return b"".join(parts)[:most]


def _with_length(part: bytes) -> bytes:
    """Correct the length of a segment, but of a scan, whose data follows it."""
    has_length = len(part) >= 4 and part[0] == 0xFF and part[1] not in {0xD8, 0xD9, 0xDA}
    return part[:2] + (len(part) - 2).to_bytes(2, "big") + part[4:] if has_length else part


MUTATORS: dict[str, Mutator] = {"jpeg": mutate_jpeg}


def main() -> None:
    """Run until the time is up or an input fails."""
    name, *options = sys.argv[1:]
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    folders = [str(found), str(CORPUS / name)]
    defaults = ["-max_len=4096", "-timeout=10", f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={found}-"]
    mutator = {"custom_mutator": MUTATORS[name]} if name in MUTATORS else {}
    atheris.Setup([sys.argv[0], *defaults, *options, *folders], TARGETS[name], **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
