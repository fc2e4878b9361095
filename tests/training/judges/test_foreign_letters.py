from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.data.alphabet import INDEX
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.data.fonts import Font
from glyphvae_training.data.pixels import normalise
from glyphvae_training.judges.foreign_letters import (
    CAP,
    FONTS,
    draw_letters,
    find_foreign_fonts,
    is_letter,
    key_of,
    letters_of,
    look_alikes,
)
from tests.training.data.tiny_font import LEGS, Box, font_bytes

# A frame and a stroke.
FRAME: list[Box] = [(100, 0, 600, 100), (100, 600, 600, 700), (100, 100, 200, 600), (500, 100, 600, 600)]
STROKE: list[Box] = [(100, 0, 200, 700)]
BOXES = {
    "Ж": (700, LEGS),
    "Ш": (700, FRAME),
    "Ӏ": (300, STROKE),
    "О": (700, FRAME),
    "d": (700, LEGS),
    "1": (300, STROKE),
}


@pytest.fixture(scope="module")
def content() -> bytes:
    return font_bytes(BOXES)


def frames() -> Split:
    """Characters that are frames like a letter of the font, each of another width and pen, and crosses."""
    images = np.zeros((40, 40, 40), np.uint8)
    for number, image in enumerate(images):
        pen, side = 4 + number % 4, 18 + number % 20
        if number < 20:
            image[:, :side] = 255
            image[pen:-pen, pen : side - pen] = 0
        else:
            image[side - 8 : side - 8 + pen] = image[:, side - 8 : side - 8 + pen] = 255
    return Split(normalise(images), np.repeat([INDEX["O"], INDEX["+"]], 20))


def test_letters_are_those_that_the_alphabet_does_not_have(content: bytes) -> None:
    assert set(letters_of(Font("some", content, CAP))) == {"Ж", "Ш"}


@pytest.mark.parametrize(("character", "expected"), [("Ж", True), ("ك", True), ("О", False), ("Ω", True), ("d", False)])
def test_a_letter_of_another_script(character: str, expected: bool) -> None:
    assert is_letter(character) is expected


@pytest.mark.parametrize("character", ["ª", "Đ", "٣", "\ue000", "×"])
def test_what_is_no_letter_of_another_script(character: str) -> None:
    assert not is_letter(character)


def test_every_letter_is_drawn_in_many_hands(content: bytes, sample: Dataset) -> None:
    drawn = draw_letters({"some": content}, sample.train, np.random.default_rng(0), each=30)
    assert drawn.shape == (30, 28, 28)
    assert drawn.dtype == np.uint8
    assert len({image.tobytes() for image in drawn}) > 25
    assert drawn.max() > 200


def test_the_generator_decides(content: bytes, sample: Dataset) -> None:
    first, again, other = (
        draw_letters({"some": content}, sample.train, np.random.default_rng(seed), each=5) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_fonts_without_letters_add_none(sample: Dataset) -> None:
    assert draw_letters({}, sample.train, np.random.default_rng(0)).shape == (0, 28, 28)
    latin = {"latin": font_bytes({"d": (700, LEGS)})}
    assert draw_letters(latin, sample.train, np.random.default_rng(0)).shape == (0, 28, 28)


def test_letters_that_look_like_a_character_are_left_out(content: bytes) -> None:
    letters = letters_of(Font("some", content, CAP))
    assert look_alikes(list(letters.items()), frames()) == {"Ш"}
    assert look_alikes([], frames()) == set()


def test_a_letter_that_one_font_of_many_draws_alike_is_none(content: bytes) -> None:
    letters = letters_of(Font("some", content, CAP))
    pairs = [("Ш", letters["Ш"]), *2 * [("Ш", letters["Ж"])]]
    assert look_alikes(pairs, frames()) == set()


def test_fonts_are_found_by_either_name(tmp_path: Path, content: bytes) -> None:
    assert find_foreign_fonts(tmp_path) == {}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "caveat-cyrillic-400-normal.woff2").write_bytes(content)
    (tmp_path / "noto-sans-greek.woff2").write_bytes(content)
    (tmp_path / "caveat.woff2").write_bytes(content)
    assert find_foreign_fonts(tmp_path) == {"caveat-cyrillic": content, "noto-sans-greek": content}
    assert "caveat" in FONTS["cyrillic"]


def test_the_key_tells_fonts_apart(content: bytes) -> None:
    keys = {key_of({}), key_of({"a": content}), key_of({"b": content}), key_of({"a": content[1:]})}
    assert len(keys) == 4
    assert not key_of({})
