"""Pictures of two characters where one is expected, and of one in several pieces, read by `/encode`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.handwriting import Coverage, Glyph, Rng, enlarged
from benchmarks.processes import two_cores
from benchmarks.scenes import Scene, jpeg, mixed, photographed, plain, png
from benchmarks.server import ROOT, Server, Subject, console
from glyphvae.client import Client
from glyphvae.client.errors import ProblemError
from glyphvae_training.data.dataset import Split, first_of_each, load_byclass

# Between the boxes of two characters, in shares of their height.
GAPS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)
# Characters of one writer differ in height by this share.
_UNEVEN = 0.1
# The level of grey at which ink begins: of fat strokes, usual ones and thin ones, which may be broken.
PENS = {"fat": 60.0, "usual": 110.0, "thin": 170.0}
_MARGINS = 0.3, 0.8


def measure(
    subject: Subject, data: Path = ROOT / "tests" / "data", each: int = 300, singles: int = 20, seed: int = 0
) -> dict[str, Any]:
    """Measure how often two characters are found, by the gap between them, and how often one is taken for several.

    Args:
        subject: The service.
        data: Folder of MNIST and EMNIST; validation characters are taken.
        each: Pairs of each gap, half of them photographed.
        singles: Characters of each label and pen.
        seed: Of all that is random.
    """
    characters = load_byclass(data).validation
    with (
        Server(subject.service(), two_cores()) as server,
        Client(f"http://127.0.0.1:{server.port}", timeout=60) as client,
    ):
        gaps = []
        for gap in GAPS:
            found = [
                _count(client, _pair(np.random.default_rng([seed, round(100 * gap), k]), characters, gap, k))
                for k in range(each)
            ]
            gaps.append({"gap": gap, "two found": _percent(np.equal(found, 2))})
            console.print(gaps[-1])
        chosen = first_of_each(characters, singles)
        pens = []
        for number, (pen, level) in enumerate(PENS.items()):
            rng = np.random.default_rng([seed, number])
            found = [_count(client, _alone(rng, image, level, k)) for k, image in enumerate(chosen.images)]
            pens.append({"pen": pen, "characters": len(found), "taken for several": _percent(np.greater(found, 1))})
            console.print(pens[-1])
    return {"pairs": gaps, "singles": pens}


def _percent(which: NDArray[np.bool]) -> float:
    return round(100 * float(which.mean()), 1)


def _count(client: Client, content: bytes) -> int:
    """Return how many characters the service finds; 0 if it refuses the picture."""
    try:
        return len(client.encode(content, labels="all", several="all").labels)
    except ProblemError:
        return 0


def _pair(rng: Rng, characters: Split, gap: float, number: int) -> bytes:
    """Draw two characters of any two labels beside each other."""
    height = rng.uniform(60, 240)
    labels = rng.choice(np.unique(characters.labels), 2)
    drawn = []
    for label in labels:
        image = characters.images[rng.choice(np.flatnonzero(characters.labels == label))]
        drawn.append(_glyph(image, PENS["usual"]).drawn(height * rng.uniform(1 - _UNEVEN, 1 + _UNEVEN), 0))
    apart = max(1, round(gap * float(np.mean([one.shape[0] for one in drawn]))))
    most = max(one.shape[0] for one in drawn) + round(_UNEVEN * height)
    tops = [int(rng.integers(0, most - one.shape[0] + 1)) for one in drawn]
    fields = [np.pad(one, ((top, most - one.shape[0] - top), (0, 0))) for one, top in zip(drawn, tops, strict=True)]
    cover = np.hstack([fields[0], np.zeros((most, apart), np.float32), fields[1]])
    return _picture(rng, cover, number)


def _alone(rng: Rng, image: NDArray[np.uint8], level: float, number: int) -> bytes:
    return _picture(rng, _glyph(image, level).drawn(rng.uniform(60, 240), 0), number)


def _glyph(image: NDArray[np.uint8], level: float) -> Glyph:
    """Return a real character whose ink begins at a level, or half the level of its strongest if that is fainter."""
    return Glyph("", mask=enlarged(image, min(level, float(image.max()) / 2)))


def _picture(rng: Rng, cover: Coverage, number: int) -> bytes:
    """Return a file of what is drawn, with margins: photographed, or black on white if `number` is odd."""
    height, width = cover.shape
    sides = rng.uniform(*_MARGINS, (2, 2)) * max(height, width)
    field = np.pad(cover, np.rint(sides).astype(int))
    if number % 2:
        return png(255 * (1 - field))
    scene = Scene(rng, Glyph(""))
    return jpeg(scene, photographed(scene, mixed(plain(field.shape, scene.paper()), scene.ink(), field)))
