import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from glyphvae.formats.colours import BLACK, WHITE, Colour, painted
from glyphvae.formats.gif import FRAME_MILLISECONDS, animate
from glyphvae.scheduling.deadline import ClientGoneError, Deadline, current
from tests.service.support import counted_beats, grey


@pytest.mark.parametrize(
    ("levels", "shown"), [((255,), [0]), ((0, 255), [255, 0]), ((0, 128, 255), [255, 127, 0, 127])]
)
def test_an_animation_runs_forth_and_back(levels: tuple[int, ...], shown: list[int]) -> None:
    movie = Image.open(io.BytesIO(animate(iter(grey(*levels)), 28, 28, BLACK, WHITE)), formats=["GIF"])
    assert (movie.size, movie.info.get("loop", 0)) == ((28, 28), 0)
    assert [int(np.asarray(frame.convert("L"))[0, 0]) for frame in ImageSequence.Iterator(movie)] == shown
    assert movie.info["duration"] == FRAME_MILLISECONDS or len(levels) == 1


def test_transparent_paper_stays_transparent() -> None:
    movie = Image.open(io.BytesIO(animate(grey(0, 255), 28, 28, BLACK, None)), formats=["GIF"])
    corners = [np.asarray(frame.convert("RGBA"))[0, 0].tolist() for frame in ImageSequence.Iterator(movie)]
    assert [alpha for *_, alpha in corners] == [0, 255]


def test_all_shades_of_the_colours_are_shown() -> None:
    shades = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    ink, paper = Colour(200, 10, 0), Colour(10, 250, 255)
    movie = Image.open(io.BytesIO(animate(shades, 16, 16, ink, paper)), formats=["GIF"])
    assert np.array_equal(np.asarray(movie.convert("RGB"))[None], painted(shades, ink, paper))


def test_each_frame_is_drawn_once_and_is_a_piece_of_the_work() -> None:
    with counted_beats() as beats:
        file = animate(grey(*range(100)), 28, 28, BLACK, WHITE)
    assert len(beats) == 100
    assert Image.open(io.BytesIO(file)).n_frames == 198  # type: ignore[attr-defined]


def test_no_frame_is_drawn_after_the_deadline() -> None:
    left = iter([False] * 10)
    token = current.set(Deadline(60, lambda: next(left, True)))
    with counted_beats() as beats, pytest.raises(ClientGoneError):
        animate(grey(*range(100)), 28, 28, BLACK, WHITE)
    current.reset(token)
    assert len(beats) == 11
