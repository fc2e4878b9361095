"""SVG in Chromium, held against the PNG of the same request, and against resvg."""

import io
import re

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.service.processes import ROOT, running
from tests.service.support import percent_apart, resvg

TEXT = {"text": "Zoë & Kim,\nfox <3", "model": "pen", "seed": 3, "scale": 4, "ink": "navy", "paper": "#fffaf0"}
SIZE = re.compile(rb'width="(\d+)" height="(\d+)"')


@pytest.fixture(scope="module")
def answers() -> dict[str, bytes]:
    """Return responses of the shipped model, by name."""
    with running("--models", str(ROOT / "exported"), "--device", "cpu") as service, service.client() as client:
        return {
            "png": asked(client, "image/png"),
            "svg": asked(client),
            "animated": asked(client, animate=True),
            "centres": asked(client, strokes="centre", animate=True),
        }


def asked(client: httpx.Client, accept: str = "image/svg+xml", **more: object) -> bytes:
    response = client.post("/render-text", json=TEXT | more, headers={"Accept": accept}).raise_for_status()
    return response.content


def shown(page: Page, svg: bytes, style: str = "") -> NDArray[np.uint8]:
    """Return the picture of an SVG in a page."""
    page.set_content(f'<body style="margin:0;{style}">{svg.decode()}')
    return seen(page, svg)


def seen(page: Page, svg: bytes) -> NDArray[np.uint8]:
    size = SIZE.search(svg)
    assert size is not None
    part = page.screenshot(clip={"x": 0, "y": 0, "width": int(size[1]), "height": int(size[2])})
    return np.asarray(Image.open(io.BytesIO(part)).convert("RGB"))


@pytest.fixture
def page(chromium: Browser) -> Page:
    return chromium.new_page(viewport={"width": 1200, "height": 800})


def test_chromium_and_resvg_paint_what_the_png_shows(page: Page, answers: dict[str, bytes]) -> None:
    png = np.asarray(Image.open(io.BytesIO(answers["png"])).convert("RGB"))
    chromium, others = shown(page, answers["svg"]), resvg(answers["svg"])
    assert percent_apart(chromium, png) < 1
    assert percent_apart(others, png) < 1
    assert percent_apart(chromium, others) < 1
    page.close()


def test_a_page_chooses_ink_and_paper(page: Page, answers: dict[str, bytes]) -> None:
    for name in ("svg", "animated"):
        colours = shown(page, answers[name], "--ink:rgb(255,0,0);--paper:rgb(0,255,0)").reshape(-1, 3)
        assert colours[0].tolist() == [0, 255, 0]
        assert (colours[:, 2] < 2).all()
    page.close()


def test_the_text_is_selected(page: Page, answers: dict[str, bytes]) -> None:
    shown(page, answers["svg"])
    page.mouse.move(20, 60)
    page.keyboard.press("Control+a")
    assert page.evaluate("getSelection().toString()").split() == ["Zoë", "&", "Kim,", "fox", "<3"]
    spans = page.locator("tspan").evaluate_all(
        "spans => spans.map(one => [one.getBoundingClientRect().width, 4 * one.getAttribute('textLength')])"
    )
    assert all(width == pytest.approx(wanted, abs=1) for width, wanted in spans)
    page.close()


def test_an_animation_begins_with_paper_and_ends_with_the_text(page: Page, answers: dict[str, bytes]) -> None:
    shown(page, answers["animated"])
    ends = page.evaluate("""() => {
        const all = document.getAnimations();
        all.forEach(one => one.pause());
        return Math.max(...all.map(one => one.effect.getComputedTiming().endTime));
    }""")
    assert 1000 < ends <= 20_000
    pictures = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        page.evaluate(f"document.getAnimations().forEach(one => {{ one.currentTime = {share * ends} }})")
        pictures.append(seen(page, answers["animated"]))
    ink = [int((picture[..., 0] < 128).sum()) for picture in pictures]
    assert ink[0] == 0
    assert ink == sorted(ink)
    assert len(set(ink)) == len(ink)
    assert percent_apart(pictures[-1], shown(page, answers["svg"])) < 0.3
    page.close()


@pytest.mark.parametrize("name", ["animated", "centres"])
def test_nothing_moves_for_those_who_prefer_that(chromium: Browser, answers: dict[str, bytes], name: str) -> None:
    context = chromium.new_context(reduced_motion="reduce", viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.set_content(answers[name].decode())
    assert page.evaluate("document.getAnimations().length") == 0
    if name == "animated":
        still = shown(page, answers["svg"])
        assert percent_apart(shown(page, answers[name]), still) < 0.3
    context.close()
