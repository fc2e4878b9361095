"""Styles that were liked."""

import json

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener
from tests.browser.pages import DOWN, GREY, Playground
from tests.browser.test_letters import hand_of

R = 27
STYLES = "() => JSON.parse(localStorage.getItem('glyphvae.liked'))"


def keep(page: Page) -> None:
    """Press the star, which is off."""
    page.get_by_role("button", name="☆ Keep this style").click()


def test_a_style_is_kept_as_a_picture_and_used_again(open_page: Opener) -> None:
    playground = open_page("glyph?model=more&z=1,0,0,0,0,0")
    page = playground.page
    keep(page)
    star = page.get_by_role("button", name="★ Kept")
    expect(star).to_have_attribute("aria-pressed", "true")
    kept = page.get_by_role("button", name="Use kept style 1")
    playground.expect_stroke(kept.locator("canvas"), DOWN + 1 + R / 2)
    page.get_by_role("button", name="Average").click()
    expect(star).to_have_count(0)
    page.get_by_role("combobox", name="Model").select_option("cvae")
    kept.click()
    assert playground.z() == [1, 0, 0, 0, 0, 0]
    assert playground.state()["model"] == "more"
    expect(star).to_be_visible()
    star.click()
    expect(kept).to_have_count(0)
    assert page.evaluate(STYLES) == []


def test_kept_styles_are_there_in_text_and_at_the_next_visit(open_page: Opener, address: str) -> None:
    playground = open_page("glyph?view=pixels&z=3,0,0,0,0,0")
    keep(playground.page)
    again = open_page(f"text?model=more&z=0,0,0,0,0,0&hand={hand_of(address)}")
    page = again.page
    again.expect_grey(page.locator("#text .liked canvas"), 255)  # ink: the grey is past the outline
    assert GREY + 30 + R > 128
    keep(page)
    hand = again.state()["hand"]
    page.get_by_role("button", name="Use kept style 1").click()
    assert again.z() == [3, 0, 0, 0, 0, 0]
    assert "hand" not in again.state()
    page.get_by_role("button", name="Use kept style 2").click()
    assert again.state()["hand"] == hand
    # The other window has it too.
    expect(playground.page.locator("#glyph .liked canvas")).to_have_count(2)


def test_kept_styles_by_keyboard(open_page: Opener) -> None:
    page = open_page("glyph?z=1,0,0,0,0,0").page
    star = page.locator("#glyph .star")
    star.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Use kept style 1")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Remove kept style 1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Use kept style 1")).to_have_count(0)
    expect(star).to_be_focused()
    star.press("Enter")
    page.get_by_role("button", name="Use kept style 1").press("Delete")
    expect(page.get_by_role("button", name="Use kept style 1")).to_have_count(0)
    expect(star).to_be_focused()


def test_damaged_styles_and_those_of_other_models_are_not_shown(open_page: Opener) -> None:
    page = open_page("glyph?z=1,0,0,0,0,0").page
    gone = {"model": "gan", "z": [1], "hand": ""}
    for damaged in ("{", "7", json.dumps([{"z": "x"}, {"model": 1, "z": [], "hand": ""}, gone])):
        page.evaluate("text => localStorage.setItem('glyphvae.liked', text)", damaged)
        page.reload()
        Playground(page).wait_until_ready()
        expect(page.locator("#glyph .star")).to_have_text("☆ Keep this style")
        expect(page.locator(".liked li")).to_have_count(0)
    # It comes back with its model.
    keep(page)
    assert page.evaluate(STYLES)[0] == gone
