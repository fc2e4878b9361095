"""Pages of several lines, composed of characters with the spacing and sizes of fonts, read by `POST /read`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from benchmarks.handwriting import Coverage, Glyph, Rng, chosen_by, cropped, inked, sharpened
from benchmarks.pictures import SPLITS
from benchmarks.processes import BenchmarkError, two_cores
from benchmarks.scenes import KINDS, Scene, chosen_kinds, png
from benchmarks.server import Server, Subject, console
from glyphvae.client import Client
from glyphvae.client.errors import ProblemError
from glyphvae_training.data.dataset import load_byclass
from glyphvae_training.data.font_families import VALIDATION
from glyphvae_training.measures.measure import SAME_SHAPE

Images = Mapping[str, NDArray[np.uint8]]  # (n, 28, 28) of each character
Box = tuple[float, float, float, float]

# Pixels of a capital in a block, before it is scaled to a picture, and the fewest that it is scaled to.
CAP, LEAST_CAP = 64, 32
# Lines of a block, and cap heights from one baseline to the next.
_LINES, _PITCH = (3, 5), (1.8, 2.3)
# Least distance of the ink of two characters, in cap heights: what touches is not read.
_APART = 0.1
# Words that together have all letters.
_WORDS = (
    "the quick brown fox jumps over a lazy dog pack my box with five dozen liquor jugs sphinx of black quartz judge vow"
)
# A picture has sides this many times as long as that of a single character, and of at least so many pixels.
_LARGER, _LEAST_SIDES = 2, (1200, 2000)
# A box of a form has room for a character that is this wide, in shares of its height.
_AS_WIDE = 0.6
# The width of a block, of the shorter side of its picture.
_WIDEST = 0.9
# The kind that has no room for a line is a plain drawing with the smallest capitals.
_NATIVE = "native 28x28"
# Labels of the characters by themselves.
_CASED = ("digits", "capitals", "small")
MERGED = {character: group[0] for group in SAME_SHAPE for character in group}


@dataclass(frozen=True)
class Placed:
    """A character of a block.

    Attributes:
        character: What it shows.
        image: (28, 28) as it was in the data.
        outline: (n, 2) x and y of the convex hull of its ink.
    """

    character: str
    image: NDArray[np.uint8]
    outline: NDArray[np.float64]


@dataclass(frozen=True)
class Block(Glyph):
    """Lines of characters, to be placed as one.

    Attributes:
        placed: The characters of each line.
        text: What they say.
        drawings: The matrix of each drawing, from the block to what was drawn.
    """

    placed: Sequence[Sequence[Placed]] = ()
    text: str = ""
    drawings: list[NDArray[np.float64]] = field(default_factory=list)

    def drawn(self, height: float, pen: float, angle: float = 0, stroke: float = 0) -> Coverage:  # noqa: ARG002
        """Draw it in `height` pixels, or in as many as its smallest capitals need."""
        mask = self.mask
        assert mask is not None  # noqa: S101 (a block has one)
        scale = max(height / mask.shape[0], LEAST_CAP / CAP)
        high, wide = mask.shape
        turn = cv2.getRotationMatrix2D((wide / 2, high / 2), angle, scale)
        corners = np.array([[0, wide, wide, 0], [0, 0, high, high], [1, 1, 1, 1]]) * 1.0
        around = turn @ corners
        turn[:, 2] -= around.min(axis=1)
        size = np.ceil(np.ptp(around, axis=1)).astype(int) + 1
        # Smoothed first, because warping takes no mean of the pixels that it skips.
        smooth = cv2.GaussianBlur(mask, (0, 0), 0.35 / scale) if scale < 1 else mask
        drawn = np.clip(cv2.warpAffine(smooth, turn, size.tolist(), flags=cv2.INTER_LINEAR), 0, 1)
        rows, columns = inked(drawn)
        turn[:, 2] -= columns.start, rows.start
        self.drawings.append(np.vstack([turn, [0, 0, 1]]))
        return drawn[rows, columns]

    def boxes(self, matrix: NDArray[np.float64]) -> list[Box]:
        """Return the box of each character in a picture, whose matrix leads from what was drawn last to it."""
        return [_box_of(one.outline, matrix @ self.drawings[-1]) for line in self.placed for one in line]


def _box_of(outline: NDArray[np.float64], matrix: NDArray[np.float64]) -> Box:
    points = np.column_stack([outline, np.ones(len(outline))]) @ matrix.T
    x, y = (points[:, :2] / points[:, 2:]).T
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


class Page(Scene):
    """A scene with room for lines."""

    def size(self, low: int = 240, high: int = 640) -> tuple[int, int]:
        """Return the height and width of a picture."""
        return super().size(max(_LARGER * low, _LEAST_SIDES[0]), max(_LARGER * high, _LEAST_SIDES[1]))

    def side(self, low: int, high: int) -> int:  # noqa: ARG002 (of a single character)
        """Return the side of a square picture."""
        return super().side(_LEAST_SIDES[0], max(_LARGER * high, _LEAST_SIDES[1]))

    def place(
        self,
        size: tuple[int, int],
        share: tuple[float, float] = (0.35, 0.62),
        pen: tuple[float, float] = (0.035, 0.09),
        angle: float | None = None,
        spread: float = 0.06,
    ) -> Coverage:
        """Draw the block, which is wider than a character where one fills a box."""
        room = min(1.0, (_AS_WIDE if spread == 0 else _WIDEST / share[1]) / self.glyph.aspect)
        return super().place(size, (room * share[0], room * share[1]), pen, angle, spread)


class Font:
    """The sizes and the spacing of a font's characters, in cap heights."""

    def __init__(self, path: Path) -> None:
        self._face = ImageFont.truetype(str(path), 200)
        _, top, _, _ = self._face.getbbox("H", anchor="ls")
        self._cap = -top

    def box(self, character: str) -> tuple[float, float, float, float, float]:
        """Return left, top, right and bottom of a character, from its origin on the baseline down, and its advance."""
        left, top, right, bottom = (value / self._cap for value in self._face.getbbox(character, anchor="ls"))
        return left, top, right, bottom, self._face.getlength(character) / self._cap


def words(rng: Rng, count: int) -> list[str]:
    """Draw words: small, capitalised, all capitals, or a number."""
    drawn = []
    for _ in range(count):
        kind = rng.random()
        word = str(chosen_by(rng, _WORDS.split()))
        number = str(rng.integers(10 ** int(rng.integers(1, 5))))
        drawn.append(word if kind < 0.45 else word.title() if kind < 0.65 else word.upper() if kind < 0.8 else number)
    return drawn


def compose(rng: Rng, images: Images, font: Font) -> Block:
    """Compose a block, about as wide as high, of characters at random and with the sizes of a font."""
    pitch, count = rng.uniform(*_PITCH), int(rng.integers(_LINES[0], _LINES[1] + 1))
    width = rng.uniform(0.9, 1.25) * count * pitch * CAP
    lines: list[list[Placed]] = []
    texts: list[str] = []
    field_ = np.zeros((round((count + 1.5) * pitch * CAP), round(width) + 16 * CAP), np.float32)  # a word may be wider
    for row in range(count):
        line: list[Placed] = []
        text, x = "", 0.0
        for word in words(rng, 40):
            advance = sum(font.box(character)[4] for character in word) * CAP
            if text and x + advance > width:
                break
            for character in word:
                x = _write(field_, line, rng, images, font, character, x, (row + 1.2) * pitch * CAP)
            text += f" {word}" if text else word
            x += max(font.box(" ")[4], 0.3) * CAP
        lines.append(line)
        texts.append(text)
    rows, columns = inked(field_)
    corner = columns.start, rows.start
    moved = [[Placed(one.character, one.image, one.outline - corner) for one in line] for line in lines]
    return Block("", mask=field_[rows, columns], placed=moved, text="\n".join(texts))


def _write(  # noqa: PLR0917 (a character has as many facts)
    page: Coverage, line: list[Placed], rng: Rng, images: Images, font: Font, character: str, x: float, base: float
) -> float:
    """Write a character at `x` on a baseline, and return the place of the next one."""
    image = images[character][int(rng.integers(len(images[character])))]
    left, top, right, bottom, advance = font.box(character)
    shape = cropped(sharpened(image))
    height = max(4, round((bottom - top) * CAP))
    size = max(2, round(height * shape.shape[1] / shape.shape[0])), height
    ink = cropped(cv2.resize(shape, size, interpolation=cv2.INTER_AREA))
    y, column = round(base + top * CAP), round(x + left * CAP) + CAP
    around = np.ones((2 * round(_APART * CAP) + 1,) * 2, np.uint8)
    wide = cv2.dilate((page > 0.2).astype(np.uint8), around)
    part = slice(y, y + ink.shape[0])
    while (wide[part, column : column + ink.shape[1]] * (ink > 0.2)).any():
        column += 1
    page[part, column : column + ink.shape[1]] = np.maximum(page[part, column : column + ink.shape[1]], ink)
    points = np.argwhere(ink > 0.5)[:, ::-1].astype(np.int32)
    hull = cv2.convexHull(points).reshape(-1, 2).astype(np.float64)
    # The pixels on the edges are whole.
    hull = np.concatenate([hull + corner for corner in ((0, 0), (1, 0), (0, 1), (1, 1))]) + np.array([column, y])
    line.append(Placed(character, image, hull))
    return float(column - CAP + ink.shape[1] + (advance - right) * CAP)


def draw(kind: str, rng: Rng, block: Block, *, held_out: bool) -> tuple[bytes, list[Box]]:
    """Return a picture of a block, and where its characters are in it."""
    scene = Page(rng, block, held_out)
    if kind == _NATIVE:
        return png(255 * scene.padded(block.drawn(1, 1), 8, 8, 8, 8)), block.boxes(scene.matrix)
    content = KINDS[kind](scene)
    return content, block.boxes(scene.matrix)


def measure(  # noqa: PLR0917 (every setting becomes an option)
    subject: Subject,
    data: Path,
    split: str = "held-out",
    each: int = 4,
    seed: int = 1,
    kinds: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Measure how well `POST /read` reads pages, by the kind of picture; some minutes.

    Characters are those of the validation part, in the sizes and with the spacing of the validation fonts. Errors are
    substitutions, insertions and deletions in a hundred characters, look-alikes merged, spaces left out; beside them,
    those of the same model on each character as it is in the data.

    Args:
        subject: The service.
        data: Folder of MNIST, EMNIST and fonts.
        split: Inks and papers that nothing was tuned on, `held-out`, or those that it was, `tuning`.
        each: Pages of each kind.
        seed: Of all that is random; choices were made on 0.
        kinds: Those to measure, all if empty.

    Raises:
        BenchmarkError: There is no such split or kind, or there are no fonts.
    """
    if split not in SPLITS:
        raise BenchmarkError(f"pages are of the splits {' and '.join(SPLITS)}, not {split}")
    chosen = chosen_kinds(kinds)
    paths = [path for name in VALIDATION for path in sorted(data.rglob(f"{name}.woff2"))]
    if not paths:
        raise BenchmarkError(f"{data} has no fonts of the validation part")
    fonts, known = [Font(path) for path in paths], load_byclass(data)
    characters = known.validation
    images = {name: characters.images[characters.labels == label] for label, name in enumerate(known.labels)}
    rows: list[dict[str, Any]] = []
    all_counts: list[Counts] = []
    with (
        Server(subject.service(), two_cores()) as server,
        Client(f"http://127.0.0.1:{server.port}", timeout=60) as client,
    ):
        for number, kind in chosen:
            counts = []
            for index in range(each):
                rng = np.random.default_rng([seed, number, index])
                block = compose(rng, images, chosen_by(rng, fonts))
                content, boxes = draw(kind, rng, block, held_out=split == "held-out")
                counts.append(_counted(client, block, content, boxes))
            rows.append({"kind": kind} | _figures(counts))
            all_counts += counts
            console.print(rows[-1])
    mean = _figures(all_counts)
    console.print(mean)
    return {"kinds": rows, "all": mean}


@dataclass(frozen=True)
class Counts:
    """Counts of the errors on a page.

    Attributes:
        characters: How many it has.
        wrong: Errors in them, look-alikes merged.
        exact: Errors in them.
        perfect: How many are read wrong from the data, look-alikes merged.
        spaced: Errors in the text with its spaces and line feeds, look-alikes merged.
        length: Characters of that text.
        overlaps: Intersection over union of the box of each with the nearest one found.
        seconds: That the response took.
    """

    characters: int
    wrong: int
    exact: int
    perfect: int
    spaced: int
    length: int
    overlaps: Sequence[float]
    seconds: float


def _counted(client: Client, block: Block, content: bytes, boxes: Sequence[Box]) -> Counts:
    start = perf_counter()
    found, text = list[Box](), ""
    try:
        read = client.read(content)
    except ProblemError:
        pass
    else:
        text = read.text
        found = [one.box for line in read.lines for word in line.words for one in word.characters]
    seconds = perf_counter() - start
    placed = [one for line in block.placed for one in line]
    alone = client.encode(np.stack([one.image for one in placed]), labels=_CASED, preprocess="none")
    true, given = ("".join(one.split()) for one in (block.text, text))
    return Counts(
        len(placed),
        edits(merged(given), merged(true)),
        edits(given, true),
        sum(a != b for a, b in zip(merged("".join(map(str, alone.labels))), merged(true), strict=True)),
        edits(merged(text), merged(block.text)),
        len(block.text),
        [max((_overlap(box, other) for other in found), default=0.0) for box in boxes],
        seconds,
    )


def merged(text: str) -> str:
    """Return a text with one character for each group of look-alikes."""
    return "".join(MERGED.get(character, character) for character in text)


def edits(text: str, other: str) -> int:
    """Return the fewest substitutions, insertions and deletions that make one text the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for index, character in enumerate(text, 1):
        before, row = row, [index]
        for place, one in enumerate(other, 1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (character != one)))
    return row[-1]


def _overlap(a: Box, b: Box) -> float:
    """Return intersection over union."""
    across, along = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(across, 0) * max(along, 0)
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / (sum(sizes) - shared)


def _figures(counts: Sequence[Counts]) -> dict[str, float]:
    characters = sum(one.characters for one in counts)

    def share(errors: int, of: int = characters) -> float:
        return round(100 * errors / of, 2)

    return {
        "characters": characters,
        "errors": share(sum(one.wrong for one in counts)),
        "perfect crops": share(sum(one.perfect for one in counts)),
        "exact": share(sum(one.exact for one in counts)),
        "with spaces": share(sum(one.spaced for one in counts), sum(one.length for one in counts)),
        "IoU": round(float(np.mean([overlap for one in counts for overlap in one.overlaps])), 3),
        "ms": round(1000 * float(np.median([one.seconds for one in counts])), 1),
    }
