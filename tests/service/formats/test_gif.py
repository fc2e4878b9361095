import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from glyphvae.formats.colours import BLACK, WHITE
from glyphvae.formats.gif import FRAME_MILLISECONDS, animate
from tests.service.support import grey


@pytest.mark.parametrize(
    ("levels", "shown"), [((255,), [0]), ((0, 255), [255, 0]), ((0, 128, 255), [255, 127, 0, 127])]
)
def test_an_animation_runs_forth_and_back(levels: tuple[int, ...], shown: list[int]) -> None:
    movie = Image.open(io.BytesIO(animate(grey(*levels), 2, BLACK, WHITE)), formats=["GIF"])
    assert (movie.size, movie.info.get("loop", 0)) == ((56, 56), 0)
    assert [int(np.asarray(frame.convert("L"))[0, 0]) for frame in ImageSequence.Iterator(movie)] == shown
    assert movie.info["duration"] == FRAME_MILLISECONDS or len(levels) == 1


def test_transparent_paper_stays_transparent() -> None:
    movie = Image.open(io.BytesIO(animate(grey(0, 255), 1, BLACK, None)), formats=["GIF"])
    corners = [np.asarray(frame.convert("RGBA"))[0, 0].tolist() for frame in ImageSequence.Iterator(movie)]
    assert [alpha for *_, alpha in corners] == [0, 255]
