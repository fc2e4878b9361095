"""The doubt of `/encode` and `/reconstruct`, and whether it tells characters from other pictures."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.handwriting import Rng, chosen_by, polylines
from benchmarks.processes import BenchmarkError, two_cores
from benchmarks.scenes import KINDS as SCENES
from benchmarks.scenes import Scene
from benchmarks.server import ROOT, Server, Subject, console
from glyphvae.client import Client
from glyphvae.client.errors import ProblemError
from glyphvae.client.results import Doubt
from glyphvae.imaging.preprocess import UnsuitableImageError, find_glyphs
from glyphvae_training.data.dataset import first_of_each, load_byclass
from glyphvae_training.data.outliers import is_straight
from glyphvae_training.evaluation.detection import detection

Picture = NDArray[np.uint8]

# Letters of other scripts, as far as DejaVu has them, that look like no character of the models.
_LETTERS = "ЖЮЩДЯЭЛΩΣΔΨλאבגלמעצקשתثجحدسشصضطعغمنيԱԲԴԷԸადეთიკლჟრტფქღ"
# Those that look like one at least in some font: Ø, b, b (the left part of Ы), U, 6, a dash (the middle of Ξ), n, 8, ø,
# T, n, s (the inner part of ك), 5, q, t, 2, p, d, h, 6, 8, 3, 8, 8, 6, b, y, 8.
_ALIKE = "ФЪЫЦБΞΠΘφדהكهԳԵԶԹԺԻბგვზმნსყშ"
# A straight stroke is a dash, a 1 or an l. Its standard deviation across is at most this share of that along: a fat
# marker is up to a fifth of a character wide (`benchmarks.scenes`).
_STRAIGHT = 0.2
# The crops of a picture are around its middle, where the character is, except in these kinds, which are left out.
_MIDDLE = 0.3
_ANYWHERE = ("tiny on A4", "small and off centre")
# Those of 12 megapixels take long.
_SLOW = ("12 MP",)
# Of one picture that is read, at most so many show nothing that is read.
_TRIES = 50
_SIDE = 200
# The numbers of circles and stars among the shapes.
_CIRCLE, _STAR = 2, 4
# Real characters of each label.
EACH_LABEL = 8
PARTS = ("validation", "test")

Draw = Callable[[Rng], Picture]
Doubts = Mapping[str, Sequence[Doubt]]


def measure(  # noqa: PLR0917 (every setting becomes an option)
    subject: Subject,
    data: Path = ROOT / "tests" / "data",
    part: str = "validation",
    fonts: Path = Path("/usr/share/fonts/truetype/dejavu"),
    each: int = 150,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure the AUROC of the percentiles of real characters against other pictures, by their kind; a minute.

    Args:
        subject: The service.
        data: Folder of MNIST and EMNIST; of each label, eight characters count.
        part: Of the characters: `validation`, for choices, or `test`, which no choice was made by.
        fonts: Folder of fonts with letters of other scripts.
        each: Pictures of each kind.
        seed: Of all that is random.

    Raises:
        BenchmarkError: There is no such part, or there are no fonts.
    """
    if part not in PARTS:
        raise BenchmarkError(f"characters are of the parts {' and '.join(PARTS)}, not {part}")
    known = load_byclass(data)
    characters = first_of_each(known.test if part == "test" else known.validation, EACH_LABEL)
    with (
        Server(subject.service(), two_cores()) as server,
        Client(f"http://127.0.0.1:{server.port}", timeout=60) as client,
    ):
        real = _doubts_of_glyphs(client, characters.images)
        rows: list[dict[str, Any]] = [{"kind": "real", "images": len(characters)} | _doubtful(real)]
        for number, (kind, draw) in enumerate(_kinds(fonts).items()):
            rng = np.random.default_rng([seed, number])
            found = _doubts_of_pictures(client, draw, rng, each)
            rows.append({"kind": kind, "images": each} | _doubtful(found) | _compared(real, found))
            console.print(rows[-1])
    return {"part": part, "kinds": rows}


def _doubts_of_glyphs(client: Client, images: Picture) -> Doubts:
    """Return the doubts about glyphs (n, 28, 28), by endpoint."""
    parts = [images[start : start + 64] for start in range(0, len(images), 64)]
    return {
        "encode": [doubt for part in parts for doubt in client.encode(part, labels="all", preprocess="none").doubts],
        "reconstruct": [
            doubt for part in parts for doubt in client.reconstruct(part, labels="all", preprocess="none").doubts
        ],
    }


def _doubts_of_pictures(client: Client, draw: Draw, rng: Rng, count: int) -> Doubts:
    """Return the doubts about so many drawn pictures, by endpoint.

    Those that are refused are drawn anew, and so are straight strokes.

    Raises:
        BenchmarkError: Nearly all are refused.
    """
    found: dict[str, list[Doubt]] = {"encode": [], "reconstruct": []}
    for _ in range(_TRIES * count):
        file, picture = BytesIO(), Image.fromarray(draw(rng))
        picture.save(file, "PNG")
        content = file.getvalue()
        try:
            doubts = client.encode(content, labels="all", several="first").doubts
            (glyph, *_), *_ = find_glyphs(np.asarray(picture.convert("L")), several="first")
        except (ProblemError, UnsuitableImageError):
            continue
        if is_straight(glyph, _STRAIGHT):
            continue
        found["encode"] += doubts
        found["reconstruct"] += client.reconstruct(content, labels="all", several="first").doubts
        if len(found["encode"]) == count:
            return found
    raise BenchmarkError(f"only {len(found['encode'])} of {_TRIES * count} pictures are read")


def _doubtful(found: Doubts) -> dict[str, float]:
    return {
        f"{name} doubtful": round(100 * float(np.mean([one.doubtful for one in doubts])), 1)
        for name, doubts in found.items()
    }


def _compared(real: Doubts, found: Doubts) -> dict[str, float]:
    return {f"{name} AUROC": round(detection(_percentiles(real[name]), _percentiles(found[name])), 3) for name in found}


def _percentiles(doubts: Sequence[Doubt]) -> NDArray[np.float32]:
    return np.array([doubt.percentile for doubt in doubts], np.float32)


def _kinds(fonts: Path) -> dict[str, Draw]:
    """Return what draws a picture of each kind.

    Raises:
        BenchmarkError: There are no fonts.
    """
    known = {path: set(map(chr, TTFont(path).getBestCmap())) for path in sorted(fonts.glob("DejaVuS*.ttf"))}
    if not known:
        raise BenchmarkError(f"{fonts} has no DejaVu fonts")
    letters, alike = (
        [(path, letter) for path, characters in known.items() for letter in among if letter in characters]
        for among in (_LETTERS, _ALIKE)
    )
    return {
        "noise": _noise,
        "smooth noise": _smooth_noise,
        "shapes": _shape,
        "other scripts": lambda rng: _letter(*chosen_by(rng, letters)),
        "crops of photographs": _crop,
        "look-alikes of other scripts": lambda rng: _letter(*chosen_by(rng, alike)),
    }


def _noise(rng: Rng) -> Picture:
    side = int(rng.integers(20, 120))
    levels = rng.integers(0, 256, (side, side)).astype(np.uint8)
    share = rng.uniform(0.02, 0.5)
    dots = np.where(rng.random((side, side)) < share, 255, 0).astype(np.uint8)
    chosen: Picture = levels if rng.random() < 0.5 else dots
    return chosen


def _smooth_noise(rng: Rng) -> Picture:
    side = int(rng.integers(80, 200))
    levels = Image.fromarray(rng.integers(0, 256, (side, side)).astype(np.uint8))
    field = np.asarray(levels.filter(ImageFilter.GaussianBlur(rng.uniform(1, side / 12))), np.float64)
    least = np.quantile(field, rng.uniform(0.6, 0.9))
    ink = np.clip((field - least) / (field.max() - least + 1e-6), 0, 1)
    return np.pad(np.rint(255 * ink).astype(np.uint8), side // 8)


def _shape(rng: Rng) -> Picture:
    """Draw a square, circle, triangle, star or heart, filled or not, or dots.

    A circle that is not filled is an O, and a filled star is the asterisk of several handwriting fonts.
    """
    image = Image.new("L", (_SIDE, _SIDE), 255)
    draw = ImageDraw.Draw(image)
    kind, size = int(rng.integers(6)), rng.uniform(30, 80)
    if kind == 0:
        for _ in range(rng.integers(4, 12)):
            left, top, width = (*rng.uniform(20, _SIDE - 40, 2), rng.uniform(6, 20))
            draw.ellipse((left, top, left + width, top + width), fill=0)
        return np.asarray(image)
    angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, {1: 5, 2: 65, 3: 4, 4: 11, 5: 65}[kind])
    radius = np.where((kind == _STAR) & (np.arange(angle.size) % 2 == 1), 0.4, 1.0)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    if kind == 5:
        x, y = np.sin(angle) ** 3, -(13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle)) / 16
    outline = list(zip(_SIDE / 2 + size * x, _SIDE / 2 + size * y, strict=True))
    if kind == _CIRCLE or (kind != _STAR and rng.random() < 0.6):
        draw.polygon(outline, fill=0)
    else:
        draw.line(outline, fill=0, width=int(rng.integers(5, 16)), joint="curve")
    return np.asarray(image)


def _letter(path: Path, letter: str) -> Picture:
    image = Image.new("L", (_SIDE, _SIDE), 255)
    ImageDraw.Draw(image).text((_SIDE / 2, _SIDE / 2), letter, fill=0, font=ImageFont.truetype(path, 90), anchor="mm")
    return np.asarray(image)


def _crop(rng: Rng) -> Picture:
    """Cut a piece out of a photograph beside its character."""
    kinds = [kind for kind in SCENES if not kind.startswith((*_ANYWHERE, *_SLOW))]
    scene = Scene(rng, polylines(rng, str(rng.integers(10))), held_out=True)
    picture = np.asarray(Image.open(BytesIO(SCENES[chosen_by(rng, kinds)](scene))).convert("RGB"))
    height, width = picture.shape[:2]
    side = round(rng.uniform(0.15, 0.3) * min(height, width))
    x, y = rng.integers(0, width - side), rng.integers(0, height - side)
    middle_x, middle_y = (x + side / 2) / width - 0.5, (y + side / 2) / height - 0.5
    if max(abs(middle_x), abs(middle_y)) < _MIDDLE:
        return np.zeros((_SIDE, _SIDE), np.uint8)  # nothing, which is refused
    return picture[y : y + side, x : x + side]
