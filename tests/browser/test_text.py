"""The Text tab."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Request, expect

from tests.browser.conftest import Opener
from tests.browser.pages import Playground

STYLE = "z=1,0,0,0,0,0"


def order_of(request: Request) -> dict[str, object]:
    """The body of a request."""
    body: dict[str, object] = json.loads(request.post_data or "{}")
    return body


def is_writing(request: Request) -> bool:
    """Whether a request writes text."""
    return request.url.endswith("/render-text")


def wait_for_text(playground: Playground, text: str) -> None:
    """Wait until the picture shows `text`."""
    expect(playground.page.locator("#writing")).to_have_attribute("alt", f"Handwriting: {text}")


def test_what_is_typed_is_written(open_page: Opener) -> None:
    playground = open_page(f"text?{STYLE}&text=")
    page = playground.page
    expect(page.locator("#paper")).to_contain_text("Type a text")
    expect(page.get_by_role("button", name="Download PNG")).to_be_disabled()
    page.get_by_role("textbox", name="Text").press_sequentially("HELLO")
    wait_for_text(playground, "HELLO")
    width = page.locator("#writing").evaluate("image => image.naturalWidth")
    page.get_by_role("textbox", name="Text").press_sequentially(" YOU")
    wait_for_text(playground, "HELLO YOU")
    assert page.locator("#writing").evaluate("image => image.naturalWidth") > width
    assert playground.state()["text"] == "HELLO YOU"


def test_the_characters_that_a_model_writes_are_told(open_page: Opener) -> None:
    page = open_page(f"text?{STYLE}").page
    hint = page.locator("#text-characters")
    expect(hint).to_have_text("Digits and A–Z; small letters become capitals.")
    page.get_by_role("combobox", name="Model").select_option("more")
    expect(hint).to_have_text("Digits, letters, accents and punctuation.")
    page.get_by_role("combobox", name="Model").select_option("vae-z2")
    expect(hint).to_be_empty()


def test_the_style_is_shared_with_glyph(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STYLE}&text=HI")
    playground.slide(playground.x1, -2.0)
    z = playground.z()
    with playground.page.expect_request(is_writing) as asked:
        playground.open_tab("Text")
    assert order_of(asked.value)["z"] == pytest.approx(z)
    with playground.page.expect_request(is_writing) as asked:
        playground.page.locator("#text-latents-x2").press("ArrowRight")
    assert order_of(asked.value)["z"] == pytest.approx([z[0], 0.1, 0, 0, 0, 0])


def test_every_control_sets_its_part_of_the_request(open_page: Opener) -> None:
    playground = open_page(f"text?{STYLE}&text=A B")
    page = playground.page
    wait_for_text(playground, "A B")
    page.get_by_role("slider", name="Variation").press("End")
    page.get_by_role("slider", name="Size").press("Home")
    page.get_by_label("Line width").press("End")
    page.get_by_role("radio", name="Centre").click()
    page.locator("#ink").fill("#ff0000")
    page.locator("#paper-colour").fill("#00ff00")
    # Requests for the changes before may still be on their way.
    with page.expect_request(lambda request: is_writing(request) and order_of(request)["unknown"] == "skip") as asked:
        page.get_by_label("Other characters").select_option("skip")
    order = order_of(asked.value)
    assert order == {
        "text": "A B",
        "z": [1, 0, 0, 0, 0, 0],
        "seed": 12,
        "variation": 0.6,
        "unknown": "skip",
        "width": 1600,
        "align": "centre",
        "scale": 1,
        "ink": "#ff0000",
        "paper": "#00ff00",
    }
    with page.expect_request(is_writing) as asked:
        page.get_by_label("Transparent").check()
    assert order_of(asked.value)["paper"] == "transparent"
    with page.expect_request(is_writing) as asked:
        page.get_by_role("button", name="Write again").click()
    assert order_of(asked.value)["seed"] == 13


def test_values_out_of_range_are_the_nearest_in_range(open_page: Opener) -> None:
    wrong = "z=99,-99&seed=-4&variation=9&drift=-1&size=9.6&width=5&ink=red&paper=%23zzz&lines=none&unknown=odd"
    page = open_page(f"text?text=A&{wrong}").page
    with page.expect_request(is_writing) as asked:
        page.get_by_role("textbox", name="Text").fill("B")
    assert order_of(asked.value) == {
        "text": "B",
        "z": [10, -10, 0, 0, 0, 0],
        "seed": 0,
        "variation": 0.6,
        "unknown": "blank",
        "width": 44,
        "align": "left",
        "scale": 8,
        "ink": "#1b1a17",
        "paper": "#ffffff",
    }
    expect(page.locator("#writing")).to_have_attribute("alt", "Handwriting: B")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_long_line_is_wrapped_to_the_page(open_page: Opener) -> None:
    playground = open_page(f"text?{STYLE}&text=A")
    page = playground.page
    wait_for_text(playground, "A")
    words = "PACK MY BOX " * 40
    page.get_by_role("textbox", name="Text").fill(words)
    expect(page.locator("#writing")).to_have_attribute("alt", f"Handwriting: {words}")
    shown, whole = page.locator("#writing").evaluate("image => [image.clientWidth, image.naturalWidth]")
    assert shown == whole
    assert page.locator("#paper").evaluate("paper => paper.scrollWidth <= paper.clientWidth")


def test_the_download_is_what_is_shown(open_page: Opener, tmp_path: Path) -> None:
    playground = open_page(f"text?{STYLE}&text=HI&ink=%23ff0000&size=2")
    wait_for_text(playground, "HI")
    with playground.page.expect_download() as download:
        playground.page.get_by_role("button", name="Download PNG").click()
    download.value.save_as(tmp_path / "text.png")
    with Image.open(tmp_path / "text.png") as picture:
        shown = playground.page.locator("#writing")
        assert picture.size == (
            shown.evaluate("image => image.naturalWidth"),
            shown.evaluate("image => image.naturalHeight"),
        )
        red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), dtype=int), -1, 0)
    assert (green == blue).all()
    assert (red > green).any()


def test_characters_left_out_are_counted(open_page: Opener) -> None:
    playground = open_page(f"text?{STYLE}&text=A,B!")
    note = playground.page.locator("#text-note")
    expect(note).to_have_text("2 characters that the model cannot write: left blank.")
    playground.page.get_by_label("Other characters").select_option("skip")
    expect(note).to_have_text("2 characters that the model cannot write: skipped.")
    playground.page.get_by_role("textbox", name="Text").fill("A,B")
    expect(note).to_have_text("One character that the model cannot write: skipped.")
    playground.page.get_by_role("textbox", name="Text").fill("AB")
    expect(note).to_be_empty()


def test_a_refused_character_is_named_by_the_service(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page(f"text?{STYLE}&text=A☃&unknown=error")
    alert = playground.page.locator("#paper").get_by_role("alert")
    expect(alert).to_contain_text("SNOWMAN")
    expect(alert).to_contain_text("position 1")
    playground.page.get_by_role("textbox", name="Text").fill("AB")
    wait_for_text(playground, "AB")
    expect(alert).to_have_count(0)
    assert all("status of 422" in complaint for complaint in complaints)
    complaints.clear()


def test_a_first_visit_opens_on_level_lines(open_page: Opener) -> None:
    playground = open_page("glyph?model=more&z=0,0,0,0,0,0")
    with playground.page.expect_request(is_writing) as asked:
        playground.open_tab("Text")
    order = order_of(asked.value)
    assert (order["seed"], order["variation"], order["drift"]) == (12, 0.2, 0.5)


def test_a_model_without_labels_says_that_it_cannot_write(open_page: Opener) -> None:
    playground = open_page("text?model=vae-z2&z=0,0")
    expect(playground.page.locator("#paper")).to_contain_text("vae-z2 has no labels")


def test_the_code_writes_the_same_picture(open_page: Opener, tmp_path: Path) -> None:
    playground = open_page(f"text?{STYLE}&text=IT'S%0A2%20LINES&transparent=1")
    wait_for_text(playground, "IT'S\n2 LINES")
    with playground.page.expect_download() as download:
        playground.page.get_by_role("button", name="Download PNG").click()
    panel = playground.page.locator("#text-code")
    panel.get_by_role("radio", name="Python").click()
    listing = panel.get_by_role("region", name="Code")
    subprocess.run([sys.executable, "-c", listing.inner_text()], cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "text.png").read_bytes() == download.value.path().read_bytes()
    panel.get_by_role("radio", name="curl").click()
    expect(listing).to_contain_text("IT'\\''S\\n2 LINES")


def test_a_new_style_is_drawn(open_page: Opener) -> None:
    playground = open_page(f"text?{STYLE}&text=HI&locked=2")
    with playground.page.expect_response(is_new_style):
        playground.page.get_by_role("button", name="New style").click()
    z = playground.z()
    assert z[0] != 1
    assert z[1] == 0


def is_new_style(answer: object) -> bool:
    """Whether an answer holds a new style."""
    return "/generate" in str(getattr(answer, "url", ""))


def test_the_address_reproduces_the_text(open_page: Opener) -> None:
    playground = open_page(f"text?{STYLE}&text=")
    playground.page.get_by_role("textbox", name="Text").fill("TWO\nLINES & MORE")
    playground.page.get_by_role("radio", name="Right").click()
    playground.state()
    again = open_page(playground.page.url.partition("#")[2])
    wait_for_text(again, "TWO\nLINES & MORE")
    expect(again.page.get_by_role("radio", name="Right")).to_be_checked()
