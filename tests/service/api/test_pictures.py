import io
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from glyphvae.api.pictures import Canvas, Style, plan_grid
from glyphvae.errors import InvalidParameter
from glyphvae.formats.colours import BLACK, WHITE, Colour
from glyphvae.formats.registry import GIF, NPY, PICTURES, PNG, SVG
from glyphvae.scheduling.cost import INLINE, drawing, painting, tracing
from glyphvae.scheduling.steps import Offload, run_now
from glyphvae.settings import Settings
from glyphvae.vectors.strokes import Strokes
from tests.service.support import expect_bar, grey, picture, resvg
from tests.service.vectors.support import strokes

PLAIN = Style(1, BLACK, WHITE)
SETTINGS = Settings(max_output_pixels=20_000)


@dataclass
class Asked:
    """Parameters of the look of a picture."""

    scale: int = 2
    ink: str = "navy"
    paper: str = "transparent"
    strokes: str = "outline"
    animate: bool = False


def test_a_style_is_read_from_words() -> None:
    assert Style.parse("query", Asked()) == Style(2, Colour(0, 0, 128), None)
    assert Style.parse("query", Asked(strokes="centre", animate=True)) == Style(2, Colour(0, 0, 128), None, True, True)


@pytest.mark.parametrize(("asked", "field"), [(Asked(strokes="centre"), "strokes"), (Asked(animate=True), "animate")])
def test_a_look_that_pixels_cannot_show_is_for_svg_alone(asked: Asked, field: str) -> None:
    style = Style.parse("body", asked)
    style.check("body", SVG)
    Style.parse("body", Asked()).check("body", PNG)
    with pytest.raises(InvalidParameter, match=f"body.{field}: the response is image/png") as caught:
        style.check("body", PNG)
    assert caught.value.errors[0].allowed == "image/svg+xml only; see `Accept`"


@pytest.mark.parametrize(("ink", "paper", "field"), [("?", "white", "body.ink"), ("black", "?", "body.paper")])
def test_a_colour_that_is_none_is_named(ink: str, paper: str, field: str) -> None:
    with pytest.raises(InvalidParameter, match=f"{field}: '\\?' is not a colour"):
        Style.parse("body", Asked(ink=ink, paper=paper))


@pytest.mark.parametrize("media", [*PICTURES, NPY, GIF])
def test_a_picture_at_the_limit_is_allowed(media: str) -> None:
    style = Style(10, BLACK, WHITE)
    assert Canvas.plan("query.scale", 20, 10, style, media, SETTINGS).pixels == 20_000
    with pytest.raises(InvalidParameter, match="the picture would have 210×100 pixels") as caught:
        Canvas.plan("query.scale", 21, 10, style, media, SETTINGS)
    (error,) = caught.value.errors
    assert (error.field, error.allowed) == ("query.scale", "at most 20000 pixels; a smaller scale, or less to show")


@pytest.mark.parametrize("scale", [1, 2, 5])
def test_one_glyph_is_shown_alone(scale: int) -> None:
    canvas = plan_grid("query.scale", 1, 1, Style(scale, BLACK, WHITE), PNG, SETTINGS)
    content = run_now(canvas.draw_glyphs(grey(50), 1, 1, "J"))
    assert np.array_equal(picture(content), np.full((28 * scale, 28 * scale), 50))


def test_several_glyphs_are_shown_row_by_row() -> None:
    shown = picture(
        run_now(plan_grid("query.scale", 2, 2, PLAIN, PNG, SETTINGS).draw_glyphs(grey(10, 20, 30), 2, 2, "J"))
    )
    assert [int(shown[y, x]) for y in (0, 55) for x in (0, 55)] == [10, 20, 30, 0]


@pytest.mark.parametrize("media", [*PICTURES, NPY])
def test_a_picture_is_sent_in_the_format_that_was_asked_for(media: str) -> None:
    content = run_now(Canvas.plan("query.scale", 2, 1, PLAIN, media, SETTINGS).draw(lambda: np.array([[0, 255]], "u1")))
    if media == NPY:
        assert np.load(io.BytesIO(content)).tolist() == [[0, 255]]
    else:
        image = Image.open(io.BytesIO(content))
        assert (image.get_format_mimetype(), np.asarray(image.convert("L")).tolist()) == (media, [[255, 0]])


def test_an_animation_has_a_frame_for_each_glyph() -> None:
    canvas = plan_grid("query.scale", 1, 1, PLAIN, GIF, SETTINGS)
    movie = Image.open(io.BytesIO(run_now(canvas.draw_glyphs(grey(0, 255), 1, 1, "J"))))
    assert (movie.get_format_mimetype(), getattr(movie, "n_frames", 1)) == ("image/gif", 2)


@pytest.mark.parametrize(("side", "leaves"), [(362, False), (363, True)])
def test_a_large_picture_is_drawn_in_a_thread(side: int, leaves: bool) -> None:
    canvas = Canvas(side, side, PLAIN, PNG)
    step = next(canvas.draw(lambda: np.zeros((side, side), np.uint8)))
    assert isinstance(step, Offload)
    assert (step.cost.work > INLINE) is leaves


def test_a_picture_that_would_take_too_much_memory_is_refused() -> None:
    """WebP takes many times what PNG does."""
    settings = Settings(max_held_bytes=1 << 20)
    assert Canvas.plan("query.scale", 300, 300, PLAIN, PNG, settings).cost.held <= 1 << 20
    with pytest.raises(InvalidParameter, match="drawing it as image/webp would take 2700000 bytes") as caught:
        Canvas.plan("query.scale", 300, 300, PLAIN, "image/webp", settings)
    assert caught.value.errors[0].allowed == "at most 1048576; a smaller scale, or less to show"


def bars(*heights: float) -> Strokes:
    return strokes([[[(4, y), (10, y), (18, y), (24, y)]] for y in heights])


def test_strokes_are_painted_where_a_picture_is_enlarged() -> None:
    canvas = plan_grid("query.scale", 1, 2, Style(2, BLACK, WHITE), PNG, SETTINGS, strokes=True)
    assert canvas.painted == 2
    shown = picture(run_now(canvas.draw_glyphs(bars(5, 20), 1, 2, "J")))
    expect_bar(shown[:, :56], 5, 2)
    expect_bar(shown[:, 56:], 20, 2)
    assert plan_grid("query.scale", 1, 2, PLAIN, PNG, SETTINGS, strokes=True).painted == 0
    assert plan_grid("query.scale", 1, 2, Style(2, BLACK, WHITE), PNG, SETTINGS).painted == 0


def test_painting_many_glyphs_is_work_for_a_thread() -> None:
    style, settings = Style(2, BLACK, WHITE), Settings()
    few, many = (plan_grid("query.scale", rows, 1, style, PNG, settings, strokes=True) for rows in (10, 20))
    assert few.cost.work <= INLINE < many.cost.work
    assert plan_grid("query.scale", 20, 1, style, PNG, settings).cost.work <= INLINE
    alone = plan_grid("query.scale", 1, 1, Style(8, BLACK, WHITE), PNG, settings, strokes=True)
    assert alone.cost.work <= INLINE


@pytest.mark.parametrize("media", [PNG, GIF])
def test_frames_and_strokes_add_to_the_cost(media: str) -> None:
    canvas = plan_grid("query.scale", 1, 3, Style(2, BLACK, WHITE), media, SETTINGS, strokes=True)
    step = next(canvas.draw_glyphs(bars(5, 10, 15), 1, 3, "J"))
    assert isinstance(step, Offload)
    plain = drawing(media, canvas.pixels, 3 if media == GIF else 1)
    assert step.cost.work == plain.work + painting(3).work
    assert step.cost.held == plain.held + painting(3).held


def test_an_svg_is_made_of_strokes_in_a_grid() -> None:
    canvas = plan_grid("query.scale", 1, 2, Style(2, BLACK, WHITE), SVG, SETTINGS, strokes=True)
    assert canvas.painted == 2
    assert canvas.cost == tracing(2)
    shown = 255 - resvg(run_now(canvas.draw_glyphs(bars(5, 20), 1, 2, "A B")))[..., 0]
    expect_bar(shown[:, :56], 5, 2)
    expect_bar(shown[:, 56:], 20, 2)
    assert plan_grid("query.scale", 1, 2, PLAIN, SVG, SETTINGS, strokes=True).painted == 2


def test_an_svg_has_no_pixels_to_count_but_takes_memory() -> None:
    style, settings = Style(64, BLACK, WHITE), Settings(max_output_pixels=784, max_held_bytes=1 << 20)
    assert plan_grid("query.scale", 1, 2, style, SVG, settings, strokes=True).painted == 2
    with pytest.raises(InvalidParameter, match="drawing it as image/svg\\+xml would take"):
        plan_grid("query.scale", 100, 2, style, SVG, settings, strokes=True)


def test_single_glyphs_are_encoded_each() -> None:
    for media, glyphs in ((PNG, bars(5, 20)), (PNG, grey(10, 20)), (SVG, bars(5, 20))):
        canvas = plan_grid("query.scale", 1, 1, Style(2, BLACK, WHITE), media, SETTINGS, strokes=True)
        alone = [run_now(canvas.draw_glyphs(glyphs[i : i + 1], 1, 1, "J")) for i in range(2)]
        assert list(canvas.each("J")(glyphs)) == alone
