"""Pictures of digits in all surroundings, read by `/encode`."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.handwriting import Glyph, Rng, Source, chosen_by, polylines, sources
from benchmarks.processes import BenchmarkError, two_cores
from benchmarks.scenes import KINDS, Scene, chosen_kinds
from benchmarks.server import ROOT, Server, Subject, console
from glyphvae.client import Client
from glyphvae.client.errors import ProblemError

SPLITS = ("tuning", "held-out")
# People take these for one another, too.
SAME = {"O": "0", "I": "1", "Z": "2", "S": "5"}
# A digit that is misread when it is drawn plainly says nothing about surroundings: another is drawn, this often.
TRIES = 20


def measure(  # noqa: PLR0917 (every setting becomes an option)
    subject: Subject,
    data: Path = ROOT / "tests" / "data",
    split: str = "held-out",
    each: int = 200,
    seed: int = 0,
    kinds: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Measure how often `POST /encode` reads a digit, by the kind of picture; a quarter of an hour.

    Args:
        subject: The service.
        data: Folder of MNIST, and of fonts.
        split: Fonts, digits, inks and papers that nothing was tuned on, `held-out`, or those that it was, `tuning`.
        each: Pictures of each kind.
        seed: Of all that is random.
        kinds: Those to measure, all if empty.

    Raises:
        BenchmarkError: There is no such split or kind.
    """
    if split not in SPLITS:
        raise BenchmarkError(f"pictures are of the splits {' and '.join(SPLITS)}, not {split}")
    chosen = chosen_kinds(kinds)
    is_held_out = split == "held-out"
    drawn_by = sources(data, held_out=is_held_out)
    rows: list[dict[str, Any]] = []
    plain = [0, 0]
    with (
        Server(subject.service(), two_cores()) as server,
        Client(f"http://127.0.0.1:{server.port}", timeout=60) as client,
    ):
        for number, kind in chosen:
            right, times = 0, []
            for index in range(each):
                rng = np.random.default_rng([seed, number, index])
                glyph = _glyph(
                    rng, [polylines] if kind.startswith("hairline") else drawn_by, str(index % 10), client, plain
                )
                content = KINDS[kind](Scene(rng, glyph, is_held_out))
                start = perf_counter()
                right += _read(client, content) == glyph.character
                times.append(perf_counter() - start)
            row = {"kind": kind, "right": round(100 * right / each, 1), "ms": round(1000 * float(np.median(times)), 1)}
            rows.append(row)
            console.print(row)
    mean = round(float(np.mean([row["right"] for row in rows])), 2)
    console.print({"mean": mean, "plain": round(100 * plain[0] / plain[1], 1)})
    return {"kinds": rows, "mean": mean, "plainly read": round(100 * plain[0] / plain[1], 1)}


def _glyph(rng: Rng, chosen: Sequence[Source], character: str, client: Client, plain: list[int]) -> Glyph:
    """Draw a digit that is read where there is nothing else, and count how many are."""
    for _ in range(TRIES):
        glyph: Glyph = chosen_by(rng, chosen)(rng, character)
        is_read = _read(client, plainly(glyph)) == character
        plain[0] += is_read
        plain[1] += 1
        if is_read:
            return glyph
    raise BenchmarkError(f"no {character} of {TRIES} is read, not even drawn plainly")


def plainly(glyph: Glyph) -> bytes:
    """Return a PNG file of a glyph, black on white with a margin."""
    drawn = np.pad(glyph.drawn(80, 6), 20)
    file = BytesIO()
    Image.fromarray(np.rint(255 * (1 - drawn)).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _read(client: Client, content: bytes) -> str | None:
    """Return the digit that the service reads, or the letter; None if it refuses the picture."""
    try:
        (label,) = client.encode(content).labels
    except ProblemError:
        return None
    return SAME.get(label, label) if label is not None else None
