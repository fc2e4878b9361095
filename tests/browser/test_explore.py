"""The Explore tab."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Opener
from tests.browser.pages import ALPHA, DOWN, GREY, wait_until

# Whether anything is drawn; read from a copy, as `ALPHA` is.
INKED = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return copy.getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
}"""
PLAIN = "z=0,0,0,0,0,0&view=pixels"


def test_the_plane_shows_what_is_under_the_pointer(open_page: Opener) -> None:
    playground = open_page(f"explore?{PLAIN}")
    page = playground.page
    plane = page.locator("#plane")
    box = plane.bounding_box()
    assert box is not None
    with page.expect_request(lambda request: "model=vae-z2" in request.url and "/generate" in request.url):
        page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    x, y = (float(part) for part in playground.state()["map"].split(","))
    # A quarter from the edge of a plane that reaches half a cell beyond three.
    assert (x, y) == pytest.approx((1.59, 1.59), abs=0.05)
    expect(page.locator("#map-where")).to_have_text(f"z = ({x:.2f}, {y:.2f})")


def test_the_plane_by_keyboard_and_by_sliders(open_page: Opener) -> None:
    playground = open_page(f"explore?{PLAIN}")
    plane = playground.page.get_by_role("application")
    plane.focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "ArrowLeft", "ArrowLeft"):
        plane.press(key)
    assert playground.state()["map"] == "-0.1,0.2"
    playground.page.get_by_label("z1").press("End")
    assert playground.state()["map"] == "3,0.2"
    expect(playground.page.locator('output[for="map-x"]')).to_have_text("3.00")


def test_the_manifold_and_the_map_of_classes(open_page: Opener) -> None:
    playground = open_page(f"explore?{PLAIN}")
    page = playground.page
    # The known model writes 100 + 10·z1: at the left edge too little for ink, at the right edge enough.
    wait_until(page, f"() => ({ALPHA})(document.querySelector('#manifold')) > 0")
    points = page.locator("#points")
    wait_until(page, f"() => ({INKED})(document.querySelector('#points'))")
    page.get_by_label("Show encoded characters").uncheck()
    expect(points).to_be_hidden()
    assert playground.state()["points"] == "0"


def test_the_way_between_two_glyphs(open_page: Opener) -> None:
    playground = open_page(f"explore?{PLAIN}")
    page = playground.page
    steps = page.locator("#way button")
    expect(steps).to_have_count(9)
    page.get_by_role("combobox", name="From").select_option("K")
    with page.expect_response(lambda answer: "label=K&label=Q" in answer.url) as asked:
        page.get_by_role("combobox", name="To").select_option("Q")
    assert "method=spherical" in asked.value.url
    with page.expect_response(lambda answer: "method=linear" in answer.url):
        page.get_by_role("radio", name="Linear").click()
    with page.expect_response(lambda answer: "seed=2" in answer.url and "/interpolate" in answer.url) as asked:
        page.get_by_role("button", name="New pair").click()
    last = asked.value.json()["steps"][-1]
    page.get_by_label("Steps").press("Home")
    expect(steps).to_have_count(3)
    page.get_by_role("button", name="Open step 3 in Glyph").click()
    expect(page.get_by_role("tabpanel", name="Glyph")).to_be_visible()
    assert playground.z() == pytest.approx(last["z"], abs=0.001)
    assert playground.state()["label"] == "Q"


def test_the_way_is_painted_from_strokes(open_page: Opener) -> None:
    playground = open_page("explore?model=more&z=0,0,0,0,0,0")
    page = playground.page
    way = page.locator("#way")
    expect(way.locator("canvas")).to_have_count(9)
    way.evaluate("way => { window.drawn = new Promise(done => way.addEventListener('drawn', () => done(1))); }")
    with page.expect_response(lambda answer: "seed=2" in answer.url and "scale" not in answer.url) as asked:
        page.get_by_role("button", name="New pair").click()
    page.evaluate("window.drawn")
    steps = asked.value.json()["steps"]
    a, b = 10, 11
    for place in (0, 4, 8):
        label = a + (b - a) * place / 8
        playground.expect_stroke(way.locator("canvas").nth(place), DOWN + label / 2 + steps[place]["z"][0])


def test_the_code_makes_the_way(open_page: Opener, tmp_path: Path) -> None:
    playground = open_page(f"explore?{PLAIN}&from=K&to=Q&steps=4")
    panel = playground.page.locator("#way-code")
    listing = panel.get_by_role("region", name="Code")
    expect(listing).to_contain_text("label=K&label=Q&seed=1&temperature=0.7&n=4&method=spherical")
    playground.page.get_by_role("radio", name="Linear").click()
    expect(listing).to_contain_text("method=linear")
    panel.get_by_role("radio", name="Python").click()
    subprocess.run([sys.executable, "-c", listing.inner_text()], cwd=tmp_path, check=True, timeout=60)
    with Image.open(tmp_path / "way.png") as picture:
        assert picture.size == (4 * 280, 280)


def test_the_way_is_downloaded_as_an_animation(open_page: Opener) -> None:
    playground = open_page(f"explore?{PLAIN}")
    with playground.page.expect_download() as download:
        playground.page.get_by_role("button", name="Download animation").click()
    assert download.value.path().read_bytes().startswith(b"GIF89a")


def test_the_same_latents_under_every_beta(open_page: Opener) -> None:
    playground = open_page(f"explore?{PLAIN}")
    page = playground.page
    cards = page.locator(".beta")
    expect(cards.locator("h3")).to_have_text(["β = 0.001", "β = 1", "β = 1024"])
    expect(cards.first).to_contain_text("The latents carry 6000.0 nats.")
    page.locator("#beta-latents-x1").press("End")
    page.get_by_role("combobox", name="Label").select_option("Z")
    for card in cards.all():
        # 100 + 30 + 35 is past the outline, where a canvas of ink is opaque.
        glyph = card.get_by_role("img")
        wait_until(page, f"canvas => ({ALPHA})(canvas) === 255", glyph.element_handle())
    assert playground.state()["label"] == "Z"
    assert GREY + 30 + 35 > 128


def test_the_sliders_of_beta_are_those_of_its_models(open_page: Opener) -> None:
    playground = open_page("explore?model=vae-z23&label=a&z=1,0,0,0,0,0,0,0,2")
    page = playground.page
    expect(page.locator("#beta-latents input")).to_have_count(6)
    expect(page.locator("#beta-latents button:not(.lock)")).to_have_count(0)
    page.locator("#beta-latents-x1").press("Home")
    assert playground.z() == [-3, 0, 0, 0, 0, 0, 0, 0, 2]
    # Models without small letters draw the capital.
    expect(page.get_by_role("alert")).to_have_count(0)
    page.locator("#betas").focus()
    expect(page.locator("#betas")).to_be_focused()


def test_what_is_not_served_says_so(open_page: Opener, bare_address: str) -> None:
    playground = open_page(f"explore?{PLAIN}", base=bare_address)
    page = playground.page
    expect(page.locator("#map-section")).to_contain_text("This needs the model vae-z2")
    expect(page.locator("#beta-section")).to_contain_text("This needs models that differ in β alone")
    expect(page.locator("#way button")).to_have_count(9)
