"""`python -m tests.fuzz.run TARGET [libFuzzer options]`: fuzz one target, new inputs going to .cache/fuzz/TARGET."""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["glyphvae", "PIL"]):
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path(".cache") / "fuzz"


def main() -> None:
    """Run until the time is up or an input fails."""
    name, *options = sys.argv[1:]
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    folders = [str(found), str(CORPUS / name)]
    defaults = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", f"-artifact_prefix={found}-"]
    atheris.Setup([sys.argv[0], *defaults, *options, *folders], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
