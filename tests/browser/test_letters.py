"""The letters of the Draw tab, the hand that they give, and its font in the Text tab."""

import json
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fontTools.ttLib import TTFont
from playwright.sync_api import BrowserContext, Locator, Page, Request, Route, expect

from tests.browser.conftest import Opener
from tests.browser.pages import Playground, wait_until
from tests.browser.test_access import violations
from tests.browser.test_draw import CROSS, picture
from tests.browser.test_text import is_writing, order_of, wait_for_text

# The known model that draws strokes; two of its latents are the hand.
START = "draw?model=more&z=0,0,0,0,0,0"
# A stroke down, as the letters R and a.
LETTERS = "82sAkBAwMA,97sAkBAwMA"
FONT_FAMILY = "line => getComputedStyle(line).fontFamily"


def strip(playground: Playground) -> Locator:
    """Return the letters that were given."""
    return playground.page.locator("#letters .letter:not(.asked)")


def hand_of(address: str) -> str:
    """Return a hand of the known model `more`."""
    file = {"file": ("R.png", picture(), "image/png")}
    answer = httpx.post(f"{address}/hand", params={"label": "R", "model": "more"}, files=file)
    hand: str = answer.raise_for_status().json()["hand"]
    return hand


def give(playground: Playground, label: str) -> None:
    """Draw a letter and add it as `label`."""
    playground.draw(*CROSS)
    playground.page.get_by_label("Which letter is it?").fill(label)
    playground.page.get_by_role("button", name=f"Add {label} to my letters").click()


def choose(playground: Playground, name: str) -> None:
    """Choose an image file."""
    playground.page.locator("#file").set_input_files({"name": name, "mimeType": "image/png", "buffer": picture()})


def is_hand(request: Request) -> bool:
    """Whether a request asks for the hand of letters."""
    return urlsplit(request.url).path == "/hand"


def is_font(request: Request) -> bool:
    """Whether a request asks for a font."""
    return urlsplit(request.url).path == "/font"


def test_letters_are_asked_for_one_after_the_other(open_page: Opener) -> None:
    playground = open_page(START)
    page = playground.page
    field = page.get_by_label("Which letter is it?")
    expect(field).to_have_value("R")
    expect(page.locator("#letter-add")).to_be_disabled()
    assert page.locator("#letters .asked b").all_inner_texts() == ["R", "a", "H"]
    playground.draw(*CROSS)
    with page.expect_request(is_hand) as asked:
        page.get_by_role("button", name="Add R to my letters").click()
    assert parse_qs(urlsplit(asked.value.url).query) == {"label": ["R"], "model": ["more"]}
    expect(strip(playground)).to_have_count(1)
    expect(field).to_have_value("a")
    # The pad is empty again, for the next one.
    expect(page.locator("#letter-add")).to_be_disabled()
    assert page.locator("#letters .asked b").all_inner_texts() == ["a", "H"]
    expect(page.locator("#found-words")).to_contain_text("one letter tells")
    expect(page.locator("#found-words")).to_contain_text("More letters tell more.")


def test_all_letters_are_sent_with_their_labels(open_page: Opener) -> None:
    playground = open_page(START)
    give(playground, "R")
    with playground.page.expect_response(lambda answer: "label=%C3%9F" in answer.url) as found:
        give(playground, "ß")
    assert parse_qs(urlsplit(found.value.url).query)["label"] == ["R", "ß"]
    assert [letter["label"] for letter in found.value.json()["letters"]] == ["R", "ß"]
    expect(playground.page.locator("#found-words")).to_contain_text("2 letters tell")


def test_a_letter_that_the_model_lacks_is_not_added(open_page: Opener) -> None:
    playground = open_page(START)
    playground.draw(*CROSS)
    field = playground.page.get_by_label("Which letter is it?")
    field.fill("я")
    expect(playground.page.locator("#letter-add")).to_have_text("The model has no я")
    expect(playground.page.locator("#letter-add")).to_be_disabled()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.press("Enter")
    expect(strip(playground)).to_have_count(0)


def test_a_photograph_is_named_by_its_file(open_page: Opener) -> None:
    playground = open_page(START)
    for name in ("b", "a"):
        choose(playground, f"{name}.png")
        button = playground.page.get_by_role("button", name=f"Add {name} to my letters")
        expect(button).to_be_enabled()
        button.click()
    assert strip(playground).all_inner_texts() == ["b\n✕", "a\n✕"]


def test_letters_are_given_and_removed_by_keyboard(open_page: Opener) -> None:
    playground = open_page(f"{START}&strokes=AkBAwMA")
    page = playground.page
    field = page.get_by_label("Which letter is it?")
    expect(page.locator("#letter-add")).to_be_enabled()
    field.press("Enter")
    expect(strip(playground)).to_have_count(1)
    page.get_by_role("button", name="Remove R").press("Enter")
    expect(strip(playground)).to_have_count(0)
    expect(field).to_be_focused()
    expect(page.locator("#found-full")).to_be_hidden()
    expect(page.locator("#found-words")).to_be_empty()


def test_all_letters_are_removed(open_page: Opener) -> None:
    playground = open_page(f"{START}&letters={LETTERS}")
    expect(strip(playground)).to_have_count(2)
    playground.page.get_by_role("button", name="Remove all letters").click()
    expect(strip(playground)).to_have_count(0)
    assert "letters" not in playground.state()


def test_the_letter_that_disagrees_is_named(open_page: Opener) -> None:
    # Of three letters, one is always the farthest; the known model finds another hand for each label.
    playground = open_page(f"{START}&letters=48sAkBAwMA,49sAkBAwMA,223sAkBAwMA")
    words = playground.page.locator("#found-words")
    expect(words).to_contain_text("3 letters tell")
    differing = playground.page.locator("#letters .differs")
    expect(differing).to_have_count(1)
    label = differing.locator("b").inner_text()
    expect(words).to_contain_text(f"The {label} differs most from the others")
    expect(differing).to_contain_text("differs")


def test_the_address_holds_the_letters(open_page: Opener) -> None:
    playground = open_page(START)
    give(playground, "R")
    give(playground, ".")
    playground.state()
    again = open_page(playground.page.url.partition("#")[2])
    assert strip(again).all_inner_texts() == ["R\n✕", ".\n✕"]


def test_a_damaged_link_has_no_letters(open_page: Opener) -> None:
    playground = open_page(f"{START}&letters=R,82x1,9999999sAkBAwMA,82s")
    expect(playground.page.get_by_label("Which letter is it?")).to_have_value("R")
    expect(strip(playground)).to_have_count(0)


def test_a_text_is_written_in_the_hand(open_page: Opener) -> None:
    playground = open_page(f"{START}&letters={LETTERS}&text=Hi")
    page = playground.page
    with page.expect_request(lambda request: is_writing(request) and "unknown" in order_of(request)) as asked:
        page.get_by_role("button", name="Write a text in my hand").click()
    order, hand = order_of(asked.value), playground.state()["hand"]
    assert order["hand"] == hand != ""
    assert "z" not in order
    wait_for_text(playground, "Hi")
    expect(page.get_by_role("heading", name="Your hand")).to_be_visible()
    expect(page.locator("#text-latents")).to_be_hidden()
    expect(page.locator("#text-code pre")).to_contain_text(f'"hand":"{hand}"')
    assert playground.state()["hand"] == hand


def test_the_hand_follows_its_letters(open_page: Opener) -> None:
    playground = open_page(f"{START}&letters={LETTERS}&text=Hi")
    playground.page.get_by_role("button", name="Write a text in my hand").click()
    hand = playground.state()["hand"]
    playground.page.get_by_role("button", name="Change my letters").click()
    playground.page.get_by_role("button", name="Remove R").click()
    expect(playground.page.locator("#found-words")).to_contain_text("one letter tells")
    assert playground.state()["hand"] != hand


def test_a_link_keeps_the_hand_and_a_button_leaves_it(open_page: Opener, address: str) -> None:
    hand = hand_of(address)
    playground = open_page(f"text?model=more&z=1,0,0,0,0,0&text=Hi&hand={hand}")
    wait_for_text(playground, "Hi")
    with playground.page.expect_request(is_writing) as asked:
        playground.page.get_by_role("button", name="Back to the sliders").click()
    order = order_of(asked.value)
    assert order["z"] == [1, 0, 0, 0, 0, 0]
    assert "hand" not in order
    expect(playground.page.locator("#text-latents")).to_be_visible()
    expect(playground.page.get_by_role("button", name="New style")).to_be_focused()
    assert "hand" not in playground.state()


def test_the_glyph_and_its_keys_are_in_the_hand(open_page: Opener, address: str) -> None:
    hand = hand_of(address)

    def is_in_hand(request: Request) -> bool:
        query = parse_qs(urlsplit(request.url).query)
        return query.get("hand") == [hand] and query.get("z") == [",,0,0,0,1"]

    playground = open_page(f"text?model=more&z=0,0,0,0,0,1&hand={hand}")
    page = playground.page
    with (
        page.expect_request(lambda request: is_in_hand(request) and request.url.count("label=") == 1),
        page.expect_request(lambda request: is_in_hand(request) and request.url.count("label=") > 36),
    ):
        panel = playground.open_tab("Glyph")
    expect(panel.get_by_role("heading", name="Your hand")).to_be_visible()
    expect(page.locator("#glyph-code pre")).to_contain_text(f"hand={hand}")
    # The sliders of the form remain.
    expect(panel.locator(".latent b")).to_have_text(["x3", "x4", "x5", "x6"])
    with page.expect_request(lambda request: "n=24" in request.url and f"hand={hand}" in request.url):
        page.get_by_role("button", name="New variations").click()
    panel.get_by_role("button", name="Back to the sliders").click()
    expect(page.get_by_role("button", name="New sample")).to_be_focused()
    expect(panel.locator(".latent b")).to_have_count(6)
    assert "hand" not in playground.state()


def test_another_model_discards_the_hand(open_page: Opener, address: str) -> None:
    playground = open_page(f"text?model=more&z=0,0,0,0,0,0&hand={hand_of(address)}")
    playground.page.get_by_role("combobox", name="Model").select_option("cvae")
    expect(playground.page.locator("#text .hand")).to_be_hidden()
    assert "hand" not in playground.state()


def test_letters_choose_a_model_with_a_hand(open_page: Opener) -> None:
    # The selected model has none.
    playground = open_page(f"draw?z=0,0,0,0,0,0&letters={LETTERS}&text=Hi")
    playground.page.get_by_role("button", name="Write a text in my hand").click()
    expect(playground.page.get_by_role("combobox", name="Model")).to_have_value("more")
    wait_for_text(playground, "Hi")
    assert playground.state()["model"] == "more"


def test_the_style_of_a_drawing_takes_the_place_of_the_hand(open_page: Opener, address: str) -> None:
    playground = open_page(f"{START}&strokes=AkBAwMA&text=Hi&hand={hand_of(address)}")
    with playground.page.expect_request(lambda request: is_writing(request) and "z" in order_of(request)):
        playground.page.get_by_role("button", name="Write a text", exact=True).click()
    assert "hand" not in playground.state()


def test_without_a_model_that_has_a_hand(open_page: Opener, bare_address: str) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0", base=bare_address)
    expect(playground.page.locator("#letters-section")).to_contain_text("no model with a hand")
    choose(playground, "R.png")
    expect(playground.page.locator("#reading-full")).to_be_visible()


# The font


def wait_for_font(page: Page, number: int) -> None:
    """Wait until the line is set in the font that was made as this one of the page."""
    line = page.locator("#font-text")
    expect(page.locator("#font-note")).to_contain_text("kB")
    wait_until(
        page, f"([line, name]) => ({FONT_FAMILY})(line).includes(name)", [line.element_handle(), f"Hand {number}"]
    )


def test_a_line_is_set_in_the_font_of_the_hand(open_page: Opener, address: str) -> None:
    hand = hand_of(address)
    playground = open_page(f"text?model=more&z=1,0,0,0,0,0&text=Hi&hand={hand}")
    page = playground.page
    with page.expect_request(is_font) as asked:
        page.get_by_role("button", name="Make the font").click()
    assert order_of(asked.value) == {"hand": hand, "seed": 12, "variation": 0.2, "model": "more"}
    assert asked.value.headers["accept"] == "font/woff2"
    wait_for_font(page, 1)
    assert page.evaluate("document.fonts.check('20px \"Hand 1\"')")
    line = page.get_by_label("Text in the font")
    assert "calt" in line.evaluate("line => getComputedStyle(line).fontFeatureSettings")
    expect(line).to_be_focused()
    line.fill("My own words")
    state = playground.state()
    assert (state["font"], state["fontText"]) == ("1", "My own words")
    with page.expect_request(is_font) as asked:
        page.get_by_role("button", name="Back to the sliders").click()
    assert order_of(asked.value)["z"] == [1, 0, 0, 0, 0, 0]
    wait_for_font(page, 2)
    # The old one is gone.
    assert page.evaluate("[...document.fonts].filter(face => face.family.includes('Hand')).length") == 1


def test_the_font_is_loaded_only_when_it_is_asked_for(open_page: Opener) -> None:
    playground = open_page("text?model=more&z=0,0,0,0,0,0&text=Hi")
    loaded = "performance.getEntriesByType('resource').filter(one => one.name.endsWith('/font.js')).length"
    wait_for_text(playground, "Hi")
    assert playground.page.evaluate(loaded) == 0
    again = open_page("text?model=more&z=0,0,0,0,0,0&text=Hi&font=1")
    wait_for_font(again.page, 1)
    assert again.page.evaluate(loaded) == 1


def test_a_model_of_pixels_has_neither_vectors_nor_fonts(open_page: Opener) -> None:
    page = open_page("text?z=0,0,0,0,0,0&text=HI&font=1").page
    expect(page.get_by_role("button", name="Download PNG")).to_be_visible()
    for name in ("SVG", "PDF", "TTF", "WOFF2"):
        expect(page.get_by_role("button", name=f"Download {name}")).to_be_hidden()
    expect(page.get_by_role("heading", name="The hand as a font")).to_be_hidden()
    expect(page.get_by_role("slider", name="Drift")).to_be_hidden()
    page.get_by_role("combobox", name="Model").select_option("more")
    expect(page.get_by_role("button", name="Download SVG")).to_be_visible()
    expect(page.get_by_role("slider", name="Drift")).to_be_visible()


# Files

VECTORS = "text?model=more&z=1,0,0,0,0,0&text=Hi"


def test_the_text_is_shown_as_vectors(open_page: Opener) -> None:
    playground = open_page("text?z=1,0,0,0,0,0&text=Hi")
    wait_for_text(playground, "Hi")
    with playground.page.expect_response(lambda answer: is_writing(answer.request)) as shown:
        playground.page.get_by_role("combobox", name="Model").select_option("more")
    assert shown.value.headers["content-type"] == "image/svg+xml"
    with playground.page.expect_request(is_writing) as asked:
        playground.page.get_by_role("slider", name="Drift").press("Home")
    assert order_of(asked.value)["drift"] == 0
    expect(playground.page.locator("output[for=drift]")).to_have_text("none")


@pytest.mark.parametrize(("name", "begin"), [("SVG", b"<svg "), ("PNG", b"\x89PNG")])
def test_the_text_is_downloaded(open_page: Opener, name: str, begin: bytes) -> None:
    playground = open_page(VECTORS)
    wait_for_text(playground, "Hi")
    with playground.page.expect_download() as download:
        playground.page.get_by_role("button", name=f"Download {name}").click()
    assert download.value.suggested_filename == f"text.{name.lower()}"
    assert download.value.path().read_bytes().startswith(begin)


@pytest.mark.parametrize(("name", "flavour"), [("TTF", None), ("WOFF2", "woff2")])
def test_the_hand_is_downloaded_as_a_font(open_page: Opener, name: str, flavour: str | None) -> None:
    playground = open_page(VECTORS)
    wait_for_text(playground, "Hi")
    with playground.page.expect_download() as download:
        playground.page.get_by_role("button", name=f"Download {name}").click()
    assert download.value.suggested_filename == f"hand.{name.lower()}"
    font = TTFont(download.value.path())
    assert font.flavor == flavour
    assert {ord("R"), ord("a")} <= set(font.getBestCmap())


def test_pages_are_asked_for_with_their_paper(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page(f"{VECTORS}&size=5&width=400")
    page = playground.page
    wait_for_text(playground, "Hi")
    page.get_by_role("radio", name="Squared").click()
    with page.expect_request(lambda request: is_writing(request) and "page" in order_of(request)) as asked:
        page.get_by_role("button", name="Download PDF").click()
    order = order_of(asked.value)
    assert order["page"] == {"size": "A4", "lines": "squared"}
    # The page has its own.
    assert not {"width", "scale"} & set(order)
    assert asked.value.headers["accept"] == "application/pdf"
    assert playground.state()["lines"] == "squared"
    complaints.clear()


def test_a_format_that_the_service_does_not_make_is_withdrawn(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page(VECTORS)
    page = playground.page
    wait_for_text(playground, "Hi")
    problem = {"title": "Not acceptable", "status": 406, "detail": "This route offers image/png."}

    def refuse(route: Route) -> None:
        route.fulfill(status=406, content_type="application/problem+json", body=json.dumps(problem))

    page.route("**/render-text", refuse)
    page.get_by_role("button", name="Download PDF").click()
    expect(page.locator("#notice")).to_have_text("This service makes no PDF")
    expect(page.get_by_role("button", name="Download PDF")).to_have_count(0)
    complaints.clear()


def test_a_download_that_fails_says_so(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page(VECTORS)
    page = playground.page
    wait_for_text(playground, "Hi")
    page.route("**/font", lambda route: route.fulfill(status=503, body=""))
    page.get_by_role("button", name="Download TTF").click()
    expect(page.locator("#text-files").get_by_role("alert")).to_contain_text("503")
    page.unroute_all()
    with page.expect_download():
        page.get_by_role("button", name="Try again").click()
    expect(page.locator("#text-files").get_by_role("alert")).to_have_count(0)
    complaints.clear()


def test_axe_finds_nothing_with_letters_and_a_font(open_page: Opener, phone: BrowserContext, address: str) -> None:
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        for state in (
            f"{START}&letters=48sAkBAwMA,49sAkBAwMA,223sAkBAwMA",
            f"{VECTORS}&font=1&hand={hand_of(address)}",
        ):
            playground = open_page(state, context=phone)
            playground.page.emulate_media(color_scheme=scheme)
            expect(playground.page.locator("#found-full, #font-note:not(:empty)").first).to_be_attached()
            assert violations(playground.page) == [], state
            assert playground.page.evaluate("document.documentElement.scrollWidth") <= 390
            playground.page.close()
