import os
from dataclasses import fields
from itertools import combinations
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from glyphvae_training.data import lettering
from glyphvae_training.data.alphabet import ACUTE, ALPHABET, CEDILLA, CHARACTERS, INDEX
from glyphvae_training.data.font_families import FAMILIES, FONTS, LEFT_OUT, Part
from glyphvae_training.data.fonts import Font, Ink, Variation
from glyphvae_training.data.lettering import (
    BASELINE,
    PIXELS,
    Lettering,
    boxed,
    draw,
    fitted,
    load_large_lettering,
    load_lettering,
    render,
    true_size,
    variations,
)
from glyphvae_training.data.pixels import normalise
from glyphvae_training.errors import DataError, DataMissingError
from tests.training.data.tiny_font import BOXES, CAP_HEIGHT, font_bytes

FULL = pytest.mark.skipif(
    "GLYPHVAE_TEST_DATA" not in os.environ, reason="GLYPHVAE_TEST_DATA does not name the full data"
)
# Rendering rounds edges to a pixel of 160 in a cap height; a unit of the cell has 8 of them, or 4 for a small letter.
UNIT = 0.25


@pytest.fixture(scope="module")
def plain() -> Lettering:
    """The tiny font as it is."""
    return render({"tiny": font_bytes()}, 1, lambda *_: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which every font is the tiny one."""
    path = tmp_path_factory.mktemp("data")
    (path / "fonts").mkdir()
    content = font_bytes({character: BOXES[character] for character in "Hle."})
    for name in (name for names in FONTS.values() for name in names):
        (path / "fonts" / f"{name}-latin-400-normal.woff2").write_bytes(content)
    return path


def glyph(data: Lettering, character: str) -> tuple[np.ndarray, np.ndarray]:
    """The image and the metrics of a character of the only writer."""
    (index,) = np.flatnonzero(data.labels == INDEX[character])
    return data.images[index], data.metrics[index]


def extent(image: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the ink, in units of the cell, by the coverage of its outermost pixels."""
    found = []
    for axis in (0, 1):
        profile = image.max(axis) / 255
        inked = np.flatnonzero(profile)
        found.append((inked[0] + 1 - profile[inked[0]], inked[-1] + profile[inked[-1]]))
    (left, right), (top, bottom) = found
    return left / PIXELS, top / PIXELS, right / PIXELS, bottom / PIXELS


def test_characters_that_the_font_has(plain: Lettering) -> None:
    assert {ALPHABET[label] for label in plain.labels} == {*"Hlec.i|—", ACUTE, CEDILLA}
    assert plain.images.shape == (len(plain), 56, 56)
    assert plain.names == ("tiny",)
    assert set(plain.writers) == set(plain.fonts) == {0}


def test_types(plain: Lettering) -> None:
    types = {field.name: getattr(plain, field.name).dtype for field in fields(plain) if field.name != "names"}
    whole = np.dtype(np.int64)
    expected = {"images": np.dtype(np.uint8), "labels": whole, "writers": whole, "fonts": whole}
    assert types == expected | {"metrics": np.dtype(np.float32)}


@pytest.mark.parametrize(("character", "size"), [("l", 1 / 20), ("e", 0.5 / 20), ("H", 1 / 20)])
def test_letters_fill_the_box(plain: Lettering, character: str, size: float) -> None:
    image, metrics = glyph(plain, character)
    left, top, right, bottom = extent(image)
    # Symmetric ones have their mass in the middle, which is at 14.5: the middle of pixel 14.
    assert (top, bottom) == pytest.approx((4.5, 24.5), abs=UNIT)
    assert (left + right) / 2 == pytest.approx(14.5, abs=UNIT)
    assert metrics[0] == pytest.approx(size, rel=0.02)
    assert metrics[1] == pytest.approx(24.5, abs=UNIT)


def test_letters_follow_the_convention_of_mnist(plain: Lettering) -> None:
    images = plain.images[plain.labels < CHARACTERS]
    halved = images.reshape(-1, 28, 2, 28, 2).mean((2, 4)).round().astype(np.uint8)
    # Half a pixel is what the convention rounds to.
    assert np.abs(normalise(images).astype(float) - halved).mean() < 8


def test_bearings(plain: Lettering) -> None:
    for character, (advance, (left, right)) in {
        "H": (600, (100, 500)),
        "l": (200, (50, 150)),
        ".": (200, (50, 150)),
    }.items():
        expected = np.array([left, advance - right]) / CAP_HEIGHT
        np.testing.assert_allclose(glyph(plain, character)[1][2:], expected, atol=1 / 100)


def test_marks_keep_their_size_and_place(plain: Lettering) -> None:
    image, metrics = glyph(plain, ".")
    assert extent(image) == pytest.approx((14 - 10 / 7, 24 - 20 / 7, 14 + 10 / 7, 24), abs=UNIT)
    assert metrics[:2] == pytest.approx((1 / 20, BASELINE))


def test_a_mark_is_where_it_is_over_its_letter(plain: Lettering) -> None:
    image, metrics = glyph(plain, ACUTE)
    # Its middle is 50 units to the right of that of the letter.
    left, right = (14 + 20 * x / CAP_HEIGHT for x in (0, 100))
    assert extent(image) == pytest.approx((left, 24 - 20 * 6 / 7, right, 24 - 20 * 4.5 / 7), abs=UNIT)
    assert metrics[:2] == pytest.approx((1 / 20, BASELINE))
    _, top, _, bottom = extent(glyph(plain, CEDILLA)[0])
    # 150 units below the baseline are 4.3 of the cell's, which has 4 there.
    assert (top, bottom) == pytest.approx((28 - 20 / 7, 28), abs=UNIT)


def test_a_character_that_would_stick_out_moves(plain: Lettering) -> None:
    image, metrics = glyph(plain, "|")
    assert extent(image)[3] == pytest.approx(28, abs=UNIT)
    assert metrics[0] == pytest.approx(1 / 20)
    assert metrics[1] == pytest.approx(28 - 20 * 3 / 7, abs=UNIT)


def test_a_character_that_is_too_wide_is_reduced_or_left_out(plain: Lettering) -> None:
    image, metrics = glyph(plain, "—")
    left, _, right, _ = extent(image)
    assert (left, right) == pytest.approx((0, 28), abs=UNIT)
    assert metrics[0] == pytest.approx(1200 / CAP_HEIGHT / 28, rel=0.02)
    assert INDEX["_"] not in plain.labels


def test_a_mark_that_touches_its_letter_is_left_out() -> None:
    boxes = {"H": BOXES["H"], "e": BOXES["e"], "é": (400, [(50, 0, 350, 350), (200, 350, 300, 600)])}
    assert set(draw(Font("tiny", font_bytes(boxes)), "")) == {INDEX["H"], INDEX["e"]}


def test_characters_left_out(plain: Lettering) -> None:
    drawn = draw(Font("tiny", font_bytes()), "l.")
    assert {INDEX["l"], INDEX["."]} | set(drawn) == set(plain.labels.tolist()) | {INDEX["_"]}
    assert not {INDEX["l"], INDEX["."]} & set(drawn)


def test_heavy_ink_on_one_side_stays_in_the_cell() -> None:
    pixels = np.zeros((160, 160), np.uint8)
    pixels[:, :40] = 255
    pixels[80:84] = 255
    image = boxed(Ink(pixels, 0, 160, 160)).image
    left, _, right, _ = extent(image)
    assert right == pytest.approx(28, abs=UNIT)
    assert right - left == pytest.approx(20, abs=UNIT)


def test_a_version_that_breaks_a_character_has_none() -> None:
    font = Font("tiny", font_bytes())
    drawn, bold = draw(font, ""), Variation(weight=0.08)
    # The dot of the i would touch its stem.
    assert fitted(INDEX["i"], *drawn[INDEX["i"]], bold) is None
    assert fitted(INDEX["l"], *drawn[INDEX["l"]], bold) is not None


def test_what_is_larger_than_the_cell_by_far() -> None:
    ink = Ink(np.full((400, 20), 255, np.uint8), 0, 400, 20)
    assert true_size(ink, ink) is None


def test_each_version_is_a_writer() -> None:
    content = font_bytes()
    data = render({"first": content, "second": content}, 3, lambda *_: None)
    assert set(zip(data.writers.tolist(), data.fonts.tolist(), strict=True)) == {
        (font * 3 + version, font) for font in (0, 1) for version in range(3)
    }
    unvaried = render({"first": content}, 1, lambda *_: None)
    np.testing.assert_array_equal(data.images[data.writers == 0], unvaried.images)
    np.testing.assert_array_equal(data.images[data.writers == 3], unvaried.images)
    # The name seeds the versions: those of two fonts differ.
    first, second = (data.metrics[(data.writers == writer) & (data.labels == INDEX["H"])] for writer in (1, 4))
    assert not np.array_equal(first, second)


def test_versions_are_drawn_from_the_name_alone() -> None:
    assert variations("caveat", 6, -1)[:3] == variations("caveat", 3, -1)
    assert variations("caveat", 6, -1) != variations("kalam", 6, -1)
    weights = [variation.weight for name in FONTS["train"] for variation in variations(name, 6, -0.01)]
    assert min(weights) == -0.01
    assert max(weights) > 0.02


def test_parts_are_disjoint_and_families_together() -> None:
    assert set(FONTS) == set(get_args(Part))
    assert {part: len(names) for part, names in FONTS.items()} == {"train": 46, "validation": 8, "test": 8}
    for first, second in combinations(FONTS.values(), 2):
        assert not set(first) & set(second)
    members = [name for family in FAMILIES.values() for name in family]
    assert len(members) == len(set(members))
    for family in FAMILIES.values():
        assert len({part for part, names in FONTS.items() for name in family if name in names}) == 1


def test_what_is_left_out_exists() -> None:
    names = {name for part in FONTS.values() for name in part}
    assert {*LEFT_OUT, *(name for family in FAMILIES.values() for name in family)} <= names
    for name, characters in LEFT_OUT.items():
        assert set(characters) <= set(ALPHABET), name
        assert len(set(characters)) == len(characters), name


@pytest.mark.parametrize(("part", "writers"), [("train", 46 * 2), ("validation", 8), ("test", 8)])
def test_only_training_has_versions(folder: Path, tmp_path: Path, part: Part, writers: int) -> None:
    calls: list[tuple[int, int]] = []
    data = load_lettering(folder, part, variants=1, cache=tmp_path, progress=lambda _, *done: calls.append(done))
    assert len(np.unique(data.writers)) == writers
    assert data.names == FONTS[part]
    assert calls == [(done + 1, len(data.names)) for done in range(len(data.names))]


def test_the_second_start_reads_the_cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_lettering(folder, "test", cache=tmp_path)
    monkeypatch.delattr(lettering, "render")
    second = load_lettering(folder, "test", cache=tmp_path)
    for field in fields(Lettering):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))
    assert second.names == first.names


def test_the_cache_folder_is_the_default(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_CACHE", str(tmp_path))
    load_lettering(folder, "validation")
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("lettering-validation-1-")


def test_fonts_that_are_missing(folder: Path, tmp_path: Path) -> None:
    for font in (folder / "fonts").iterdir():
        if not font.name.startswith("kalam"):
            (tmp_path / font.name).symlink_to(font)
    with pytest.raises(DataMissingError, match=r"the fonts kalam\. They are from Fontsource"):
        load_lettering(tmp_path, "test", cache=tmp_path)


@pytest.mark.parametrize("content", [b"no font at all", font_bytes()[:300]])
def test_a_font_that_is_damaged(folder: Path, tmp_path: Path, content: bytes) -> None:
    for font in (folder / "fonts").iterdir():
        (tmp_path / font.name).write_bytes(font.read_bytes())
    (tmp_path / "kalam-latin-400-normal.woff2").write_bytes(content)
    with pytest.raises(DataError, match="the font kalam cannot be read"):
        load_lettering(tmp_path, "test", cache=tmp_path)


@pytest.mark.full_data
@pytest.mark.timeout(1800)  # renders 35,000 characters
@FULL
def test_the_full_lettering(cache: Path) -> None:
    data = {part: load_lettering(Path(os.environ["GLYPHVAE_TEST_DATA"]), part, cache=cache) for part in FONTS}
    text = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
    for part, lettering_of in data.items():
        writers = len(np.unique(lettering_of.writers))
        assert f"| {part} | {len(FONTS[part])} | {writers} | {len(lettering_of):,} |" in text
    for part in ("validation", "test"):
        # Every label has examples to judge it by.
        assert set(data[part].labels) == set(range(len(ALPHABET)))
    assert np.bincount(data["train"].labels).min() >= 90


def test_large_lettering_is_that_of_the_same_cells(folder: Path) -> None:
    small, large = load_lettering(folder, "test"), load_large_lettering(folder, "test", 224)
    assert large.images.shape == (len(small), 224, 224)
    np.testing.assert_array_equal(large.labels, small.labels)
    np.testing.assert_allclose(large.metrics, small.metrics, atol=0.05)
    reduced = large.images.reshape(-1, 56, 4, 56, 4).mean(axis=(2, 4))
    assert np.abs(reduced - small.images).mean() < 4
