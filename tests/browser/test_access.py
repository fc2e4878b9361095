"""Accessibility: WCAG 2.2 AA by axe, keyboard alone, screen reader, phone, dark and light."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Opener
from tests.browser.pages import GREY, Playground, wait_until

TABS = ("glyph", "text", "draw", "explore")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
STYLE = "z=0.5,0,0,0,0,0"
STROKES = "AkBAwMA"
FOCUSED = "document.activeElement.id || document.activeElement.textContent.trim()"


def violations(page: Page) -> list[tuple[str, list[Any]]]:
    """What axe finds wrong, as rule and places."""
    page.wait_for_load_state("networkidle")
    response = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response
    return [(each["id"], [node["target"] for node in each["nodes"]]) for each in response["violations"]]


@pytest.fixture(params=["light", "dark", "phone"])
def look(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[BrowserContext]:
    is_phone = request.param == "phone"
    width, height = PHONE if is_phone else DESKTOP
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if request.param == "dark" else "light",
        has_touch=is_phone,
        is_mobile=is_phone,
    )
    yield context
    context.close()


def test_axe_finds_nothing(open_page: Opener, look: BrowserContext) -> None:
    for tab in TABS:
        playground = open_page(f"{tab}?{STYLE}&strokes={STROKES}", context=look)
        assert violations(playground.page) == [], tab
        playground.page.close()


def test_axe_finds_nothing_in_empty_states_and_problems(
    open_page: Opener, bare_address: str, complaints: list[str]
) -> None:
    for state in ("explore?", "text?text=", "draw?", "glyph?label=é&"):
        playground = open_page(f"{state}&{STYLE}", base=bare_address)
        assert violations(playground.page) == [], state
    complaints.clear()


@pytest.mark.parametrize("tab", TABS)
def test_a_phone_needs_no_sideways_scrolling(open_page: Opener, phone: BrowserContext, tab: str) -> None:
    playground = open_page(f"{tab}?{STYLE}&strokes={STROKES}", context=phone)
    playground.page.wait_for_load_state("networkidle")
    assert playground.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_it_fits_a_narrow_window_enlarged(open_page: Opener, chromium: Browser) -> None:
    # 320 CSS pixels are what is left of 1280 at 400 % (WCAG 2.2, 1.4.10).
    context = chromium.new_context(viewport={"width": 320, "height": 256})
    for tab in TABS:
        playground = open_page(f"{tab}?{STYLE}", context=context)
        assert playground.page.evaluate("document.documentElement.scrollWidth") <= 320, tab
    context.close()


def test_everything_by_keyboard(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STYLE}&view=pixels&text=HI")
    page = playground.page
    press = page.keyboard.press

    def tab_to(place: str) -> None:
        for _ in range(60):
            press("Tab")
            if page.evaluate(FOCUSED) == place:
                return
        pytest.fail(f"Tab does not reach {place!r}")

    press("Tab")
    assert page.evaluate(FOCUSED) == "Skip to the content"
    tab_to("tab-glyph")
    tab_to("sample")
    press("Enter")
    wait_until(page, "() => document.querySelector('#glyph-latents-x2').valueAsNumber !== 0")
    tab_to("average")
    press("Space")
    playground.expect_grey(playground.hero, GREY + 19)
    tab_to("J")
    press("a")
    playground.expect_grey(playground.hero, GREY + 10)
    tab_to("glyph-latents-x1")
    press("End")
    playground.expect_grey(playground.hero, GREY + 30 + 10)


def test_tabs_by_arrow_keys(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STYLE}")
    page = playground.page
    page.get_by_role("tab", name="Glyph").focus()
    for name in ("Text", "Draw", "Explore", "Glyph"):
        page.keyboard.press("ArrowRight")
        tab = page.get_by_role("tab", name=name)
        expect(tab).to_be_focused()
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Explore")).to_be_focused()


def test_focus_is_seen_and_not_covered(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STYLE}")
    page = playground.page
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        kind = page.evaluate("document.activeElement.type")
        assert style == "solid" or kind == "range"


def test_a_screen_reader_hears_what_changes(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STYLE}")
    page = playground.page
    announcer = page.locator("#announcer")
    page.get_by_role("radio", name="Q", exact=True).click()
    expect(announcer).to_have_text("Label Q")
    page.get_by_role("button", name="New sample").click()
    expect(announcer).to_have_text("New style")
    expect(page.get_by_role("slider", name="x1 slant")).to_have_attribute(
        "aria-valuetext", page.locator("output[for=glyph-latents-x1]").inner_text()
    )
    expect(page.get_by_role("slider", name="Label number")).to_have_attribute("aria-valuetext", "26 is Q")


def test_the_theme_is_chosen_and_kept(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STYLE}")
    page = playground.page
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate(background)
    assert light != dark
    page.reload()
    Playground(page).wait_until_ready()
    assert page.evaluate(background) == dark
    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate(background) == light


def test_tracks_of_sliders_are_seen_in_forced_colours(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STYLE}")
    playground.page.emulate_media(forced_colors="active")
    box = playground.x1.bounding_box()
    assert box is not None
    # A column of the track beside the thumb, which is near its middle.
    clip = {"x": box["x"] + box["width"] / 4, "y": box["y"], "width": 1, "height": box["height"]}
    with Image.open(io.BytesIO(playground.page.screenshot(clip=clip))) as column:  # type: ignore[arg-type]
        levels = np.asarray(column.convert("L"), int)
    assert np.ptp(levels) > 128
