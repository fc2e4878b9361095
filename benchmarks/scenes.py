"""Pictures of a character in 37 kinds of surroundings, as screens, scanners and phones make them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.handwriting import Coverage, Glyph, Rng, chosen_by
from benchmarks.processes import BenchmarkError

Colour = tuple[float, float, float]
Field = NDArray[Any]  # (h, w, 3) from 0 to 255

_INKS: Sequence[Colour] = ((20, 20, 25), (25, 35, 110), (40, 60, 160), (10, 10, 10), (55, 50, 60), (30, 30, 80))
_PAPERS: Sequence[Colour] = ((250, 250, 248), (243, 240, 228), (225, 224, 220), (235, 238, 240), (250, 246, 225))
_TABLES: Sequence[Colour] = ((95, 60, 35), (60, 40, 28), (150, 110, 70), (40, 42, 46), (85, 95, 90), (120, 40, 40))
# Those of held-out pictures.
_OTHER_INKS: Sequence[Colour] = ((35, 28, 28), (15, 30, 95), (60, 80, 170), (70, 25, 90), (20, 70, 50))
_OTHER_PAPERS: Sequence[Colour] = ((246, 247, 250), (232, 226, 210), (215, 215, 212), (240, 245, 238), (252, 240, 232))
_OTHER_TABLES: Sequence[Colour] = ((110, 75, 50), (70, 70, 75), (50, 65, 90), (130, 95, 60), (30, 30, 30))


@dataclass
class Scene:
    """The means that a picture is made with.

    Attributes:
        rng: Everything random.
        glyph: The character.
        held_out: Whether to use colours that nothing was tuned on.
        matrix: (3, 3) homogeneous, from places (x, y) of the drawn character to those of the picture, once it is made.
    """

    rng: Rng
    glyph: Glyph
    held_out: bool = False
    matrix: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))

    def between(self, low: float, high: float) -> float:
        """Return a random number."""
        return float(self.rng.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """Return a random integer, `high` included."""
        return int(self.rng.integers(low, high + 1))

    def _one(self, colours: Sequence[Colour], others: Sequence[Colour]) -> Colour:
        r, g, b = chosen_by(self.rng, others if self.held_out else colours)
        return r + self.rng.normal(0, 3), g + self.rng.normal(0, 3), b + self.rng.normal(0, 3)

    def ink(self) -> Colour:
        """Return the colour of a pen."""
        return self._one(_INKS, _OTHER_INKS)

    def paper(self) -> Colour:
        """Return the colour of paper."""
        return self._one(_PAPERS, _OTHER_PAPERS)

    def table(self) -> Colour:
        """Return the colour of a table."""
        return self._one(_TABLES, _OTHER_TABLES)

    def size(self, low: int = 240, high: int = 640) -> tuple[int, int]:
        """Return the height and width of a picture."""
        side = self.between(low, high)
        aspect = self.rng.choice([1, 1, 4 / 3, 3 / 4, 0.8, 1.25])
        return round(side), round(side * aspect)

    def side(self, low: int, high: int) -> int:
        """Return the side of a square picture."""
        return self.whole(low, high)

    def place(
        self,
        size: tuple[int, int],
        share: tuple[float, float] = (0.35, 0.62),
        pen: tuple[float, float] = (0.035, 0.09),
        angle: float | None = None,
        spread: float = 0.06,
    ) -> Coverage:
        """Draw the character.

        Args:
            size: Height and width of the picture.
            share: Its height, of the shorter side.
            pen: Width of the pen, of its height.
            angle: Degrees, a few at random if None.
            spread: How far from the centre it is, of the sides.

        Returns:
            (h, w) from 0 to 1.
        """
        height = self.between(*share) * min(size)
        turned = self.rng.normal(0, 2) if angle is None else angle
        drawn = self.glyph.drawn(height, max(1.0, self.between(*pen) * height), turned)
        y = round((size[0] - drawn.shape[0]) * (0.5 + self.between(-spread, spread)))
        x = round((size[1] - drawn.shape[1]) * (0.5 + self.between(-spread, spread)))
        return self.pasted(size, drawn, y, x)

    def pasted(self, size: tuple[int, int], drawn: Coverage, y: int, x: int) -> Coverage:
        """Place what is drawn; what is over the edge is lost."""
        self.matrix = moved(x, y)
        field = np.zeros(size, np.float32)
        top, left = max(y, 0), max(x, 0)
        part = drawn[top - y : top - y + size[0] - top, left - x : left - x + size[1] - left]
        field[top : top + part.shape[0], left : left + part.shape[1]] = part
        return field

    def padded(self, drawn: Coverage, above: int, below: int, left: int, right: int) -> Coverage:
        """Add paper around what is drawn."""
        self.matrix = moved(left, above)
        return np.pad(drawn, ((above, below), (left, right)))


def moved(x: float, y: float) -> NDArray[np.float64]:
    """Return the matrix (3, 3) of a translation."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def plain(size: tuple[int, ...], colour: Colour) -> Field:
    """Return a field of one colour."""
    return np.broadcast_to(np.array(colour, np.float32), (*size, 3)).copy()


def mixed(field: Field, colour: Colour | Field, coverage: Coverage) -> Field:
    """Paint `colour` over a field where it covers it."""
    return field + (np.asarray(colour, np.float32) - field) * coverage[..., None]


def textured(scene: Scene, size: tuple[int, int], colour: Colour, strength: float) -> Field:
    """Return wood, cloth or stone: smooth noise that is longer than wide."""
    noise: Field = scene.rng.normal(0, 1, size).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), scene.between(1, 25), sigmaY=scene.between(1, 12))
    return np.asarray(plain(size, colour) + (noise / (noise.std() + 1e-6) * strength)[..., None])


def shaded(scene: Scene, field: Field, strength: float = 0.15) -> Field:
    """Light a field unevenly."""
    height, width = field.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    a, b, c = (scene.between(-strength, strength) for _ in range(3))
    light = 1 + a * x + b * y + c * (x * x + y * y) / 2
    return np.asarray(field * (light / light.max())[..., None], np.float32)


def photographed(scene: Scene, field: Field, noise: float = 2.5, blur: float = 0.7, shade: float = 0.12) -> Field:
    """Light, blur and add the noise of a camera."""
    field = shaded(scene, field, shade)
    if blur > 0:
        field = cv2.GaussianBlur(field, (0, 0), blur)
    grain = scene.rng.normal(0, noise, field.shape[:2])[..., None] + scene.rng.normal(0, noise / 2, field.shape)
    return np.asarray(field + grain, np.float32)


def _levels(field: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(field), 0, 255), np.uint8)


def png(field: NDArray[np.floating], mode: str | None = None) -> bytes:
    """Return a PNG file."""
    file = BytesIO()
    image = Image.fromarray(_levels(field))
    (image.convert(mode) if mode else image).save(file, "PNG", compress_level=1)
    return file.getvalue()


def jpeg(scene: Scene, field: Field, quality: int | None = None, orientation: int = 1) -> bytes:
    """Return a JPEG file."""
    file = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    quality = quality or scene.whole(70, 95)
    Image.fromarray(_levels(field)).save(file, "JPEG", quality=quality, exif=exif)
    return file.getvalue()


def _line(size: tuple[int, int], start: tuple[float, float], end: tuple[float, float], width: float) -> Coverage:
    """Draw a straight line from (x, y) to (x, y)."""
    field = np.zeros((size[0] * 2, size[1] * 2), np.uint8)
    points = np.rint(np.array([start, end]) * 32).astype(np.int32)
    cv2.line(field, points[0].tolist(), points[1].tolist(), 255, max(1, round(width * 2)), cv2.LINE_AA, 4)
    return (cv2.resize(field, size[::-1], interpolation=cv2.INTER_AREA) / 255).astype(np.float32)


def _lines(scene: Scene, size: tuple[int, int], gap: float, width: float, tilt: float, *, upright: bool) -> Coverage:
    """Rule a picture: parallel lines `gap` apart, tilted by some degrees."""
    field = np.zeros(size, np.float32)
    height, width_ = size
    slope = np.tan(np.deg2rad(tilt))
    along, across = (height, width_) if upright else (width_, height)
    place = scene.between(0, 1) * gap - abs(slope) * along
    while place < across + abs(slope) * along:
        a, b = (-5.0, place - 5 * slope), (along + 5.0, place + slope * along)
        field = np.maximum(field, _line(size, a[::-1] if upright else a, b[::-1] if upright else b, width))
        place += gap
    return field


_RULES: Sequence[Colour] = ((130, 170, 215), (160, 185, 210), (120, 120, 125), (200, 160, 160), (100, 140, 190))


def _rule(scene: Scene) -> Colour:
    colour: Colour = chosen_by(scene.rng, _RULES)
    return colour


def _drawing(scene: Scene, ink: float, paper: float) -> bytes:
    size = scene.size(60, 600)
    cover = scene.place(size, (0.4, 0.85), (0.04, 0.14))
    return png(paper + (ink - paper) * cover)


def _gradient_shadow(scene: Scene) -> bytes:
    size = scene.size()
    field = mixed(plain(size, scene.paper()), scene.ink(), scene.place(size))
    return jpeg(scene, photographed(scene, shaded(scene, field, 0.35), shade=0.1))


def _hairline(scene: Scene, *, transparent: bool) -> bytes:
    side = scene.side(100, 400)
    cover = scene.place((side, side), (0.4, 0.85), (0.001, 0.001))
    if not transparent:
        return png(255 * (1 - cover))
    pixels = np.zeros((side, side, 4))
    pixels[..., 3] = 255 * cover
    return png(pixels)


def _white_on_transparent(scene: Scene) -> bytes:
    size = scene.size(100, 500)
    cover = scene.place(size, (0.4, 0.85), (0.04, 0.12))
    pixels = np.full((*size, 4), 255.0)
    pixels[..., 3] = 255 * cover
    return png(pixels)


def _touching_border(scene: Scene) -> bytes:
    height = scene.between(60, 300)
    drawn = scene.glyph.drawn(height, scene.between(0.05, 0.13) * height, scene.rng.normal(0, 2))
    more = scene.rng.integers(0, 2, 4) * scene.rng.integers(0, 40, 4)
    more[scene.rng.integers(4)] = 0
    return png(255 * (1 - scene.padded(drawn, *more.tolist())))


def _tiny_on_a4(scene: Scene, *, scanned: bool) -> bytes:
    size = (1754, 1240) if scene.rng.random() < 0.5 else (1169, 827)
    cover = scene.place(size, (0.035, 0.06), (0.06, 0.12), spread=0.35)
    if not scanned:
        return png(255 * (1 - cover))
    field = mixed(plain(size, scene.paper()), scene.ink(), cover)
    return jpeg(scene, photographed(scene, field, 1.5, 0.6, 0.06))


def _photo(
    scene: Scene,
    ink: Colour | None = None,
    paper: Colour | None = None,
    share: tuple[float, float] = (0.35, 0.62),
    pen: tuple[float, float] = (0.035, 0.09),
    **options: float,
) -> Field:
    size = scene.size()
    field = mixed(plain(size, paper or scene.paper()), ink or scene.ink(), scene.place(size, share, pen))
    return photographed(scene, field, **options)


def _exif_rotated(scene: Scene) -> bytes:
    turned = {3: 2, 6: 1, 8: 3}
    orientation = int(scene.rng.choice(list(turned)))
    field = np.rot90(_photo(scene), turned[orientation])
    return jpeg(scene, np.ascontiguousarray(field), orientation=orientation)


def _faint_pencil(scene: Scene) -> bytes:
    r, g, b = paper = scene.paper()
    darker = scene.between(28, 60)
    return jpeg(scene, _photo(scene, (r - darker, g - darker, b - darker), paper, noise=1.5))


def _dim(scene: Scene) -> bytes:
    field = _photo(scene, noise=0, shade=0.2) * scene.between(0.2, 0.4)
    return jpeg(scene, field + scene.rng.normal(0, scene.between(3, 6), field.shape))


def _highlighter(scene: Scene) -> bytes:
    yellow = (scene.between(235, 255), scene.between(235, 255), scene.between(20, 110))
    return jpeg(scene, _photo(scene, yellow, (252, 252, 250), pen=(0.08, 0.16)))


def _small_off_centre(scene: Scene) -> bytes:
    size = scene.size(300, 700)
    cover = scene.place(size, (0.1, 0.2), (0.05, 0.12), spread=0.45)
    return jpeg(scene, photographed(scene, mixed(plain(size, scene.paper()), scene.ink(), cover)))


def _native(scene: Scene) -> bytes:
    drawn = scene.glyph.drawn(20, scene.between(1.8, 3), scene.rng.normal(0, 2))
    if drawn.shape[1] > 20:
        drawn = cv2.resize(drawn, (20, max(1, round(drawn.shape[0] * 20 / drawn.shape[1]))))
    y, x = (28 - drawn.shape[0]) // 2, (28 - drawn.shape[1]) // 2
    return png(255 * scene.pasted((28, 28), drawn, y, x))


def _twelve_megapixels(scene: Scene) -> bytes:
    size = (3000, 4000) if scene.rng.random() < 0.5 else (4000, 3000)
    small = (size[0] // 4, size[1] // 4)
    field = mixed(plain(small, scene.paper()), scene.ink(), scene.place(small, (0.3, 0.55), (0.03, 0.07)))
    y = scene.between(0.05, 0.95) * small[0]
    rule = _line(small, (-5, y), (small[1] + 5, y + scene.between(-0.02, 0.02) * small[1]), 1)
    field = shaded(scene, mixed(field, _rule(scene), rule), 0.12)
    large = cv2.resize(field, size[::-1], interpolation=cv2.INTER_LINEAR)
    scene.matrix = np.diag([4.0, 4.0, 1.0]) @ scene.matrix
    grain = scene.rng.standard_normal(size, np.float32) * scene.between(2, 5)
    return jpeg(scene, large + grain[..., None])


def _chalkboard(scene: Scene) -> bytes:
    size = scene.size()
    board = [(35, 60, 48), (40, 44, 46), (28, 50, 40), (50, 55, 52)][scene.whole(0, 3)]
    cover = scene.place(size, (0.4, 0.65), (0.05, 0.1))
    dust = textured(scene, size, board, scene.between(2, 6))
    rough = np.clip(scene.rng.normal(0.85, 0.22, size), 0, 1).astype(np.float32)
    chalk = (scene.between(215, 245),) * 3
    return jpeg(scene, photographed(scene, mixed(dust, chalk, cover * rough)))


def _tight_crop(scene: Scene) -> bytes:
    height = scene.between(80, 300)
    drawn = scene.glyph.drawn(height, scene.between(0.05, 0.11) * height, scene.rng.normal(0, 2))
    cover = scene.padded(drawn, *(scene.whole(0, 4) for _ in range(4)))
    return jpeg(scene, photographed(scene, mixed(plain(cover.shape[:2], scene.paper()), scene.ink(), cover)))


def _tilted(scene: Scene) -> bytes:
    size = scene.size()
    cover = scene.place(size, angle=float(scene.rng.choice([-1, 1])) * 25)
    return jpeg(scene, photographed(scene, mixed(plain(size, scene.paper()), scene.ink(), cover)))


def _glare(scene: Scene) -> bytes:
    size = scene.size()
    board = (scene.between(190, 225),) * 3
    ink = [(30, 30, 35), (40, 60, 150), (170, 40, 40), (30, 110, 60)][scene.whole(0, 3)]
    field = shaded(scene, mixed(plain(size, board), ink, scene.place(size, (0.4, 0.65), (0.05, 0.1))), 0.15)
    y, x = np.mgrid[: size[0], : size[1]]
    at = scene.between(0.1, 0.9) * size[0], scene.between(0.1, 0.9) * size[1]
    far = ((y - at[0]) ** 2 + (x - at[1]) ** 2) / (scene.between(0.08, 0.22) * min(size)) ** 2
    light = scene.between(60, 170) * np.exp(-far / 2)
    return jpeg(scene, photographed(scene, np.minimum(field + light[..., None], 255).astype(np.float32), shade=0))


def _stain_and_specks(scene: Scene) -> bytes:
    size = scene.size(300, 600)
    field = plain(size, scene.paper())
    y, x = np.mgrid[: size[0], : size[1]]
    at, radius = (scene.between(0, 1) * size[0], scene.between(0, 1) * size[1]), scene.between(0.08, 0.22) * min(size)
    ring = np.hypot(y - at[0], x - at[1]) / radius
    stain = np.where(ring < 1, scene.between(0.1, 0.4), 0) + 0.3 * np.exp(-(((ring - 1) / 0.05) ** 2))
    field = mixed(field, (180, 150, 110), cv2.GaussianBlur(stain.astype(np.float32), (0, 0), 2))
    specks = np.zeros(size, np.float32)
    for _ in range(scene.whole(10, 40)):
        spot = scene.whole(2, size[1] - 3), scene.whole(2, size[0] - 3)
        cv2.circle(specks, spot, scene.whole(0, 3), scene.between(0.4, 1), -1, cv2.LINE_AA)
    cover = scene.place(size, (0.4, 0.62), (0.05, 0.09))
    field = mixed(mixed(field, scene.ink(), specks), scene.ink(), cover)
    return jpeg(scene, photographed(scene, field))


def _canvas_border(scene: Scene) -> bytes:
    size = scene.size(100, 500)
    grey = 255 * (1 - scene.place(size, (0.4, 0.75), (0.04, 0.12)))
    width, level = scene.whole(1, 2), scene.between(0, 190)
    for edge in (grey[:width], grey[-width:], grey[:, :width], grey[:, -width:]):
        edge[:] = level
    return png(grey)


def _box(  # noqa: PLR0917 (a box has four sides)
    size: tuple[int, int], top: float, left: float, bottom: float, right: float, width: float
) -> Coverage:
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    sides = [_line(size, a, b, width) for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)]
    return np.asarray(np.maximum.reduce(sides), np.float32)


def _frame_inset(scene: Scene) -> bytes:
    size = scene.size(160, 500)
    margin = scene.between(0.03, 0.1) * min(size)
    frame = _box(size, margin, margin, size[0] - margin, size[1] - margin, scene.between(1, 4))
    cover = scene.place(size, (0.4, 0.62), (0.04, 0.12))
    return png(255 * (1 - np.maximum(cover, frame)))


def _form_box(scene: Scene) -> bytes:
    size = scene.size(160, 400)
    height = scene.between(0.5, 0.85) * size[0]
    width = min(height * scene.between(0.6, 1.1), 0.9 * size[1])
    y, x = (size[0] - height) / 2, (size[1] - width) / 2
    box = _box(size, y, x, y + height, x + width, scene.between(1, 0.015 * size[0] + 1))
    share = scene.between(0.6, 0.85) * min(height, width / 0.75) / min(size)
    cover = scene.place(size, (share, share), (0.04, 0.1), spread=0.0)
    line = [(40, 40, 45), (90, 90, 95), (60, 90, 160), (200, 80, 60)][scene.whole(0, 3)]
    field = mixed(mixed(plain(size, scene.paper()), line, box), scene.ink(), cover)
    return jpeg(scene, photographed(scene, field, 1.5, 0.5, 0.05))


def _punch_hole(scene: Scene) -> bytes:
    size = scene.size(300, 600)
    field = mixed(plain(size, scene.paper()), scene.ink(), scene.place(size, (0.4, 0.6), (0.05, 0.09)))
    hole, radius = np.zeros(size, np.float32), scene.between(0.03, 0.055) * min(size)
    places = [0.5] if scene.rng.random() < 0.6 else [0.28, 0.72]
    for place in places:
        at = round(scene.between(1.2, 2) * radius), round(place * size[0])
        cv2.circle(hole, at, round(radius), 1, -1, cv2.LINE_AA)
    if scene.rng.random() < 0.5:
        hole = hole[:, ::-1]
    return jpeg(scene, photographed(scene, mixed(field, (scene.between(20, 90),) * 3, hole), 1.5))


def _one_ruled_line(scene: Scene) -> bytes:
    size = scene.size()
    height = scene.between(0.35, 0.6) * size[0]
    height = min(height, 0.7 * size[1])
    drawn = scene.glyph.drawn(height, max(1.0, scene.between(0.04, 0.09) * height), scene.rng.normal(0, 1.5))
    y = round((size[0] - height) / 2)
    cover = scene.pasted(size, drawn, y, round((size[1] - drawn.shape[1]) * scene.between(0.4, 0.6)))
    base = y + drawn.shape[0] + scene.between(-0.03, 0.12) * height
    margin = scene.between(-0.02, 0.08) * size[1]
    rule = _line(
        size, (margin, base), (size[1] - margin, base + scene.between(-0.01, 0.01) * size[1]), scene.between(1, 3)
    )
    colour = scene.ink() if scene.rng.random() < 0.4 else _rule(scene)
    field = mixed(mixed(plain(size, scene.paper()), colour, rule), scene.ink(), cover)
    return jpeg(scene, photographed(scene, field, 1.5))


def _ruled(scene: Scene) -> bytes:
    size = scene.size()
    lines = _lines(
        scene, size, scene.between(0.1, 0.22) * size[0], scene.between(1, 2), scene.rng.normal(0, 1), upright=False
    )
    field = mixed(plain(size, scene.paper()), _rule(scene), lines)
    if scene.rng.random() < 0.3:
        x = scene.between(0.05, 0.2) * size[1]
        field = mixed(field, (215, 110, 110), _line(size, (x, -5), (x, size[0] + 5), 1.5))
    cover = scene.place(size, (0.35, 0.6), (0.03, 0.07))
    return jpeg(scene, photographed(scene, mixed(field, scene.ink(), cover), 1.5))


def _squared(scene: Scene) -> bytes:
    size = scene.size()
    gap, tilt = scene.between(0.05, 0.12) * min(size), scene.rng.normal(0, 1)
    width = scene.between(0.8, 1.6)
    lines = np.maximum(
        _lines(scene, size, gap, width, tilt, upright=False), _lines(scene, size, gap, width, -tilt, upright=True)
    )
    field = mixed(plain(size, scene.paper()), _rule(scene), lines)
    cover = scene.place(size, (0.35, 0.6), (0.03, 0.07))
    return jpeg(scene, photographed(scene, mixed(field, scene.ink(), cover), 1.5))


def _half_plane(scene: Scene, size: tuple[int, int], through: float, soft: float) -> Coverage:
    """Return 1 on the one side of a line that passes about `through` of the width, 0 on the other."""
    y, x = np.mgrid[: size[0], : size[1]]
    angle = scene.between(-0.6, 0.6) + scene.rng.integers(4) * np.pi / 2
    far = (x - size[1] * through) * np.cos(angle) + (y - size[0] * (0.5 + scene.between(-0.15, 0.15))) * np.sin(angle)
    return np.asarray(np.clip(far / soft + 0.5, 0, 1), np.float32)


def _hard_shadow(scene: Scene) -> bytes:
    size = scene.size()
    field = mixed(plain(size, scene.paper()), scene.ink(), scene.place(size, (0.4, 0.62), (0.04, 0.09)))
    shadow = _half_plane(scene, size, scene.between(0.3, 0.7), scene.between(1, 14))
    dark = scene.between(0.45, 0.75)
    return jpeg(scene, photographed(scene, field * (1 - (1 - dark) * shadow[..., None]), blur=0.6))


def _table_strip(scene: Scene) -> bytes:
    size = scene.size()
    field = mixed(plain(size, scene.paper()), scene.ink(), scene.place(size, (0.4, 0.6), (0.04, 0.09)))
    table = textured(scene, size, scene.table(), scene.between(0, 6))
    width, slope = scene.between(0.03, 0.14) * size[1], scene.between(-0.05, 0.05)
    strip = np.clip(width + slope * (np.arange(size[0]) - size[0] / 2) - np.arange(size[1])[:, None], 0, 1).T
    for _ in range(scene.whole(0, 1)):
        strip = strip[:, ::-1]
    field = np.where(strip[..., None] > 0.5, table, field)
    turn = scene.whole(0, 1)
    if turn:  # at the top or the bottom instead, with the character upright again
        upright = mixed(plain(size, scene.paper()), scene.ink(), scene.place(size, (0.4, 0.6), (0.04, 0.09)))
        depth = scene.between(0.03, 0.14) * size[0]
        rows = np.clip(depth + slope * (np.arange(size[1]) - size[1] / 2) - np.arange(size[0])[:, None], 0, 1)
        if scene.rng.random() < 0.5:
            rows = rows[::-1]
        field = np.where(rows[..., None] > 0.5, table, upright)
    return jpeg(scene, photographed(scene, np.asarray(field, np.float32)))


def _scanner_edges(scene: Scene) -> bytes:
    size = scene.size(300, 700)
    field = mixed(plain(size, scene.paper()), scene.ink(), scene.place(size, (0.35, 0.6), (0.04, 0.09)))
    sides = scene.rng.permutation(4)[: scene.whole(1, 4)]
    for side in sides:
        width, slope = scene.between(2, 0.04 * size[1] + 2), scene.between(-0.01, 0.01)
        edge = np.rot90(field, side)
        far = width + slope * np.arange(edge.shape[0])[:, None] - np.arange(edge.shape[1])
        edge[:] = np.where(far[..., None] > 0, scene.between(0, 40), edge)
    return jpeg(scene, photographed(scene, field, 1.2, 0.4, 0.03))


def _note_on_table(scene: Scene) -> bytes:
    size = scene.size(360, 720)
    table = textured(scene, size, scene.table(), scene.between(1, 8))
    height, width = scene.between(0.55, 0.85) * size[0], scene.between(0.55, 0.85) * size[1]
    note = (round(height), round(width))
    note_ = mixed(plain(note, scene.paper()), scene.ink(), scene.place(note, (0.4, 0.65), (0.04, 0.09)))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    skewed = corners + scene.rng.normal(0, 0.012, (4, 2)).astype(np.float32) * min(size)
    turn = np.deg2rad(scene.rng.normal(0, 5))
    middle = np.array([width, height]) / 2
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    room = (np.array(size[::-1]) - [width, height]) * [scene.between(0.3, 0.7), scene.between(0.3, 0.7)]
    placed = ((skewed - middle) @ rotation.T + middle + room).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, placed)
    scene.matrix = matrix @ scene.matrix
    cover = cv2.warpPerspective(np.ones(note, np.float32), matrix, size[::-1])
    lying = cv2.warpPerspective(note_.astype(np.float32), matrix, size[::-1], borderMode=cv2.BORDER_REPLICATE)
    field = mixed(table, lying, np.clip(cover, 0, 1))
    return jpeg(scene, photographed(scene, field))


def _equal_luma(scene: Scene) -> bytes:
    """Ink and paper that a grey picture does not tell apart."""
    weights = np.array([0.299, 0.587, 0.114])
    pairs = [((220, 90, 90), (60, 155, 160)), ((60, 110, 230), (150, 118, 30)), ((200, 60, 160), (80, 135, 60))]
    ink, paper = (np.array(one, np.float64) for one in pairs[scene.whole(0, 2)])
    if scene.rng.random() < 0.5:
        ink, paper = paper, ink
    luma = scene.between(105, 150)
    ink, paper = ink + (luma - weights @ ink), paper + (luma - weights @ paper) + scene.between(-3, 3)
    field = _photo(
        scene, (ink[0], ink[1], ink[2]), (paper[0], paper[1], paper[2]), pen=(0.06, 0.12), noise=1.0, shade=0.03
    )
    return jpeg(scene, field, scene.whole(85, 95)) if scene.rng.random() < 0.7 else png(field)


KINDS: dict[str, Callable[[Scene], bytes]] = {
    "black on white": lambda scene: _drawing(scene, 0, 255),
    "white on black": lambda scene: _drawing(scene, 255, 0),
    "gradient shadow": _gradient_shadow,
    "hairline on transparent": lambda scene: _hairline(scene, transparent=True),
    "hairline on white": lambda scene: _hairline(scene, transparent=False),
    "white on transparent": _white_on_transparent,
    "touching the border": _touching_border,
    "tiny on A4, drawn": lambda scene: _tiny_on_a4(scene, scanned=False),
    "tiny on A4, scanned": lambda scene: _tiny_on_a4(scene, scanned=True),
    "EXIF-rotated": _exif_rotated,
    "faint pencil": _faint_pencil,
    "dim and noisy": _dim,
    "blurred": lambda scene: jpeg(scene, _photo(scene, blur=scene.between(2, 5))),
    "red on yellow": lambda scene: jpeg(scene, _photo(scene, (205, 40, 40), (250, 225, 90))),
    "yellow highlighter": _highlighter,
    "small and off centre": _small_off_centre,
    "fat marker": lambda scene: jpeg(scene, _photo(scene, pen=(0.14, 0.2))),
    "JPEG q10": lambda scene: jpeg(scene, _photo(scene), 10),
    "native 28x28": _native,
    "12 MP with a line": _twelve_megapixels,
    "chalkboard": _chalkboard,
    "tight crop": _tight_crop,
    "tilted by 25°": _tilted,
    "glare on a whiteboard": _glare,
    "stain and specks": _stain_and_specks,
    "canvas with a border": _canvas_border,
    "form box": _form_box,
    "punch hole": _punch_hole,
    "frame with a margin": _frame_inset,
    "one ruled line": _one_ruled_line,
    "ruled paper": _ruled,
    "squared paper": _squared,
    "hard shadow": _hard_shadow,
    "strip of desk": _table_strip,
    "dark scanner edges": _scanner_edges,
    "note on a desk": _note_on_table,
    "equal luma": _equal_luma,
}


def chosen_kinds(kinds: Sequence[str]) -> list[tuple[int, str]]:
    """Return the number, from 0, and the name of each of some kinds; of all if none is named.

    Raises:
        BenchmarkError: There is no such kind.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise BenchmarkError(f"there is no kind {kind}; the kinds are {', '.join(KINDS)}")
    return [(number, kind) for number, kind in enumerate(KINDS) if kind in (kinds or KINDS)]
