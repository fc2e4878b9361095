"""A text set in a font of the shipped model."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page

from glyphvae.client.call import Call, Request
from glyphvae.settings import SHIPPED_MODELS
from glyphvae.writer import Writer

TEXT = "Zoë's café, back by 11:30"
SCALE = 4
# Thousandths of an em are 35 to a glyph pixel.
FONT_SIZE = SCALE * 1000 / 35
SHOW = """(p, [text, features]) => {
  p.style.fontFeatureSettings = features
  p.textContent = text
  const range = document.createRange()
  range.selectNodeContents(p)
  return range.getBoundingClientRect().width
}"""


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(SHIPPED_MODELS, default_model="pen", device="cpu")


@pytest.fixture
def page(chromium: Browser, writer: Writer) -> Iterator[Page]:
    """Yield a page whose text is set in a font of the hand of seed 7."""
    font = base64.b64encode(made(writer, "/font", "font/woff2")).decode()
    page = chromium.new_page(viewport={"width": 2000, "height": 260})
    page.set_content(f"""<style>
      @font-face {{ font-family: Hand; src: url(data:font/woff2;base64,{font}) format("woff2") }}
      p {{ margin: 40px; font: {FONT_SIZE}px Hand; white-space: nowrap; text-rendering: geometricPrecision }}
    </style><p>""")
    page.evaluate("document.fonts.load('20px Hand')")
    yield page
    page.close()


def made(writer: Writer, path: str, accept: str, **body: object) -> bytes:
    request = Request("POST", path, accept, json={"seed": 7, **body})
    return writer.send(Call(request, lambda response: response.content))


def ink(content: bytes) -> NDArray[np.int64]:
    """Return the ink of a picture, cut to its box."""
    found = 255 - np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(int)
    rows, columns = (np.flatnonzero(found.max(axis=axis) > 64) for axis in (1, 0))
    return found[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def show(page: Page, text: str, features: str = "normal") -> float:
    """Set a text, and return its width."""
    width: float = page.locator("p").evaluate(SHOW, [text, features])
    return width


def test_chromium_sets_a_text_as_render_text_does(page: Page, writer: Writer) -> None:
    wanted = ink(made(writer, "/render-text", "image/png", text=TEXT, variation=0, drift=0, scale=SCALE))
    show(page, TEXT, "'calt' 0")
    found = ink(page.screenshot())
    assert np.abs(np.subtract(found.shape, wanted.shape)).max() <= 2
    height, width = np.minimum(found.shape, wanted.shape)
    assert np.abs(found[:height, :width] - wanted[:height, :width]).mean() < 0.02 * 255


def test_chromium_shows_another_form_of_a_letter_after_itself(page: Page) -> None:
    assert show(page, "oo") != show(page, "oo", "'calt' 0")
