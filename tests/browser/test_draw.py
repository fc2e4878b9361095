"""The Draw tab."""

import base64
import io
import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import Opener, watched
from tests.browser.pages import DOWN, Playground

CROSS = [[(0.3, 0.3), (0.7, 0.7)], [(0.7, 0.3), (0.3, 0.7)]]

# The known model finds z[0] = (pixel - 100 - label) / 10 in the corner, which is paper: -10 under the nearest label, 0.
# Each label further away costs a nat, so the posterior of 0 is 1 - 1/e, nearly.
READ = ("0, 64 %", "−10.00")


def expect_read(playground: Playground) -> None:
    """Wait for the reading of any drawing whose corner is paper."""
    label, mu = READ
    best = playground.page.locator("#bars button").first
    expect(best).to_have_accessible_name(f"Read it as {label}")
    expect(best).to_have_attribute("aria-pressed", "true")
    expect(playground.page.locator("#whiskers li")).to_have_count(6)
    expect(playground.page.locator("#whiskers li").first).to_contain_text(mu)
    expect(playground.page.locator("#again")).to_have_accessible_name("The model's reconstruction, as 0")


def ink_on(page: Page) -> int:
    """How much ink is on the pad."""
    return int(
        page.locator("#pad").evaluate(
            """pad => {
              const copy = new OffscreenCanvas(56, 56).getContext("2d", { willReadFrequently: true });
              copy.drawImage(pad, 0, 0, 56, 56);
              const { data } = copy.getImageData(0, 0, 56, 56);
              let ink = 0;
              for (let at = 0; at < data.length; at += 4) ink += data[at + 3] * (1 - data[at] / 255);
              return Math.round(ink);
            }"""
        )
    )


def picture(kind: str = "PNG") -> bytes:
    """An image file of a thick stroke."""
    image = Image.new("L", (120, 80), 255)
    image.paste(0, (50, 10, 65, 70))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def test_a_drawing_is_read_as_it_is_drawn(open_page: Opener) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    page = playground.page
    expect(page.get_by_text("The model's reading appears here")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    playground.draw(*CROSS)
    expect_read(playground)
    expect(page.locator("#bars button")).to_have_count(5)
    expect(page.locator("#nats")).to_contain_text("KL50.0 nats")


def test_undo_and_clear(open_page: Opener) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    page = playground.page
    playground.draw(*CROSS)
    both = ink_on(page)
    page.get_by_role("button", name="Undo").click()
    one = ink_on(page)
    assert 0 < one < both
    page.get_by_role("button", name="Clear").click()
    assert ink_on(page) == 0
    expect(page.get_by_text("The model's reading appears here")).to_be_visible()
    assert "strokes" not in playground.state()


def test_the_address_holds_the_drawing(open_page: Opener) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    playground.draw(*CROSS)
    expect_read(playground)
    drawn = ink_on(playground.page)
    playground.state()
    again = open_page(playground.page.url.partition("#")[2])
    expect_read(again)
    assert ink_on(again.page) == pytest.approx(drawn, rel=0.02)


def test_a_label_can_be_put_right(open_page: Opener) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    playground.draw(*CROSS)
    expect_read(playground)
    second = playground.page.locator("#bars button").nth(1)
    expect(second).to_have_accessible_name("Read it as 1, 23 %")
    second.click()
    expect(playground.page.locator("#again")).to_have_accessible_name("The model's reconstruction, as 1")
    expect(playground.page.locator("#whiskers li").first).to_contain_text("−10.10")
    assert playground.state()["as"] == "1"


def test_the_reconstruction_is_painted_from_strokes(open_page: Opener) -> None:
    playground = open_page("draw?model=more&z=0,0,0,0,0,0")
    playground.draw(*CROSS)
    playground.state()
    address = playground.page.url.partition("#")[2]
    again = open_page(f"{address}&as=ß")
    label = 38
    z1 = -10 - label / 10
    again.expect_stroke(again.page.locator("#again"), DOWN + label / 2 + z1)
    # The losses are those of the JSON response, which comes with the pixels.
    nats = again.page.locator("#nats").inner_text()
    assert f"KL\n{z1 * z1 / 2:.1f} nats" in nats
    pixels = open_page(f"{address}&as=ß&view=pixels")
    expect(pixels.page.locator("#again")).to_have_class("ink pixels")
    assert pixels.page.locator("#nats").inner_text() == nats


def test_the_style_is_carried_to_glyph_and_text(open_page: Opener) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0&view=pixels&label=J&text=HI")
    playground.draw(*CROSS)
    expect_read(playground)
    playground.page.get_by_role("button", name="Open in Glyph").click()
    expect(playground.page.get_by_role("tabpanel", name="Glyph")).to_be_visible()
    assert playground.z() == [-10, 0, 0, 0, 0, 0]
    assert playground.state()["label"] == "0"
    playground.expect_grey(playground.hero, 0)
    expect(playground.x1).to_have_attribute("min", "-10")
    playground.open_tab("Draw")
    with playground.page.expect_request(lambda request: request.url.endswith("/render-text")) as asked:
        playground.page.get_by_role("button", name="Write a text").click()
    assert '"z":[-10,0,0,0,0,0]' in (asked.value.post_data or "")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_is_chosen(open_page: Opener, kind: str) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    with playground.page.expect_file_chooser() as chooser:
        playground.page.get_by_role("button", name="Choose an image").click()
    chooser.value.set_files({"name": "a.img", "mimeType": f"image/{kind.lower()}", "buffer": picture(kind)})
    expect_read(playground)
    assert ink_on(playground.page) > 0
    assert playground.state()["image"]
    again = open_page(playground.page.url.partition("#")[2])
    expect_read(again)
    assert ink_on(again.page) == pytest.approx(ink_on(playground.page), rel=0.1)


def expect_box(page: Page, left: float, top: float, width: float, height: float) -> None:
    """Expect the box on the pad to be there, in shares of the pad."""
    box, pad = page.locator("#seen-box").bounding_box(), page.locator("#pad").bounding_box()
    assert box is not None
    assert pad is not None
    sides = [box["x"] - pad["x"], box["y"] - pad["y"], box["width"], box["height"]]
    assert [side / pad["width"] for side in sides] == pytest.approx([left, top, width, height], abs=0.02)


def give(page: Page, content: bytes) -> None:
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})


def test_what_the_model_saw_is_shown_with_its_place(open_page: Opener) -> None:
    page = open_page("draw?z=0,0,0,0,0,0").page
    expect(page.locator("#seen-box")).to_be_hidden()
    give(page, picture())
    seen = page.get_by_role("img", name="What the model saw")
    expect(seen).to_be_visible()
    # The stroke is in the middle, and nothing in the corner.
    opacity = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, at) => at % 4 === 3)"
    levels = seen.evaluate(opacity)
    assert (levels[14 * 28 + 14], levels[0]) == (255, 0)
    # The pad shows 120 x 80 pixels as wide as it is.
    expect_box(page, 50 / 120, (10 + 20) / 120, 15 / 120, 60 / 120)
    expect(page.locator("#doubt")).to_be_empty()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#seen-box")).to_be_hidden()


def test_the_place_of_a_drawing_is_shown(open_page: Opener) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    playground.draw([(0.5, 0.2), (0.5, 0.8)])
    playground.state()
    expect_read(playground)
    pen = 1 / 13
    expect_box(playground.page, 0.5 - pen / 2, 0.2 - pen / 2, pen, 0.6 + pen)


def test_what_is_no_character_is_called_so(open_page: Opener, doubting_address: str) -> None:
    page = open_page("draw", base=doubting_address).page
    give(page, picture())
    words = "This may not be a character. It is less like Z than 100 % of real ones."
    expect(page.locator("#doubt")).to_have_text(words)
    expect(page.locator("#announcer")).to_have_text("Recognised as Z, but it may not be a character")


def test_two_characters_are_a_problem_and_have_no_box(open_page: Opener, complaints: list[str]) -> None:
    page = open_page("draw?z=0,0,0,0,0,0").page
    give(page, picture())
    expect(page.locator("#seen-box")).to_be_visible()
    image = Image.new("L", (300, 200), 255)
    draw = ImageDraw.Draw(image)
    for left in (50, 170):
        draw.ellipse((left, 60, left + 70, 130), outline=0, width=9)
    file = io.BytesIO()
    image.save(file, "PNG")
    give(page, file.getvalue())
    expect(page.locator("#reading").get_by_role("alert")).to_contain_text("2 characters")
    expect(page.locator("#seen-box")).to_be_hidden()
    complaints.clear()


# Keeps what is sent to be encoded, because Playwright does not tell it.
KEEP_ENCODED = """
  const real = window.fetch;
  window.fetch = (url, options) => {
    if (String(url).includes("/encode")) window.encoded = options.body;
    return real(url, options);
  };
"""


def encoded(page: Page) -> Image.Image:
    """The image that was sent to be encoded."""
    content = page.evaluate("window.encoded.arrayBuffer().then(buffer => [...new Uint8Array(buffer)])")
    return Image.open(io.BytesIO(bytes(content)))


def test_an_image_is_sent_as_it_is(open_page: Opener) -> None:
    # A landscape photograph: dark ink, light from the left.
    light = np.tile(np.linspace(230, 150, 120), (80, 1))
    light[10:70, 55:65] /= 3
    photograph = Image.fromarray(light.astype(np.uint8)).convert("RGB")
    file = io.BytesIO()
    photograph.save(file, "PNG")
    playground = open_page("draw?z=0,0,0,0,0,0")
    page = playground.page
    page.add_init_script(KEEP_ENCODED)
    page.reload()
    playground.wait_until_ready()
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()})
    expect_read(playground)
    assert np.array_equal(np.asarray(encoded(page).convert("RGB")), np.asarray(photograph))
    playground.state()
    # The link has it small, in 16 greys, but with the same sides: no bars, which would be taken for the paper.
    page.reload()
    expect_read(playground)
    small = encoded(page).convert("L")
    assert small.size == (96, 64)
    assert np.abs(np.asarray(small, int) - np.asarray(photograph.convert("L").resize(small.size), int)).mean() < 9


def test_an_image_of_a_former_link_is_shown(open_page: Opener) -> None:
    levels = np.full((96, 96), 15)
    levels[20:76, 40:56] = 0
    pairs = (levels.ravel()[::2] << 4 | levels.ravel()[1::2]).astype(np.uint8).tobytes()
    packed = zlib.compressobj(wbits=-15)
    text = base64.urlsafe_b64encode(packed.compress(pairs) + packed.flush()).decode().rstrip("=")
    expect_read(open_page(f"draw?z=0,0,0,0,0,0&image={text}"))


def test_an_image_is_pasted(open_page: Opener) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    playground.page.evaluate(
        """bytes => {
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
          document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        list(picture()),
    )
    expect_read(playground)


def test_a_tab_can_be_used_once_it_listens(desktop: BrowserContext, address: str, complaints: list[str]) -> None:
    page = watched(desktop.new_page(), complaints)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/draw.js", hold)
    page.goto(f"{address}/playground#draw?z=0,0,0,0,0,0")
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#drop")).to_be_visible()
    while not held:
        page.wait_for_timeout(10)
    # A file that was chosen now would be lost.
    assert page.locator("#draw > *:not([inert])").count() == 0
    held[0].continue_()
    playground = Playground(page)
    playground.wait_until_ready()
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture()})
    expect_read(playground)


def test_the_later_of_two_images_stays(open_page: Opener) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    page = playground.page
    # The first file takes until the second is there to be decoded.
    page.evaluate("""() => {
      const decode = window.createImageBitmap;
      let release;
      const second = new Promise(resolve => { release = resolve; });
      let count = 0;
      window.createImageBitmap = async (...what) => {
        const isFirst = (count += 1) === 1;
        if (isFirst) await second;
        const bitmap = await decode(...what);
        if (!isFirst) setTimeout(release);
        return bitmap;
      };
    }""")
    blank = io.BytesIO()
    Image.new("L", (120, 80), 255).save(blank, "PNG")
    for content in (blank.getvalue(), picture()):
        page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})
    expect(page.locator("#pad-hint")).to_be_hidden()
    expect_read(playground)
    page.evaluate("new Promise(resolve => setTimeout(resolve, 100))")
    assert ink_on(page) > 0


DROP = """([pad, bytes, name, type]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(bytes)], name, { type }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    pad.dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
  }
}"""


def test_an_image_is_dropped(open_page: Opener) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    pad = playground.page.locator("#drop").element_handle()
    playground.page.evaluate(DROP, [pad, list(picture()), "a.png", "image/png"])
    expect_read(playground)


def test_a_file_that_is_no_image_is_refused_by_the_service(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0")
    pad = playground.page.locator("#drop").element_handle()
    playground.page.evaluate(DROP, [pad, list(b"no image"), "a.txt", "text/plain"])
    expect(playground.page.locator("#reading").get_by_role("alert")).to_contain_text("PNG, JPEG, WebP")
    assert all("status of 415" in complaint for complaint in complaints)
    complaints.clear()


def test_the_current_glyph_is_read_by_keyboard(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0&label=5")
    playground.page.get_by_role("button", name="Read the current glyph").press("Enter")
    # A glyph of the known model is grey all over, and the service says what it thinks of that.
    expect(playground.page.locator("#reading").get_by_role("alert")).to_contain_text("no ink")
    assert ink_on(playground.page) > 0
    assert playground.state()["image"]
    complaints.clear()


def test_an_unconditional_model_reads_latents_alone(open_page: Opener) -> None:
    playground = open_page("draw?model=vae-z2&z=0,0")
    playground.draw(*CROSS)
    expect(playground.page.locator("#whiskers li")).to_have_count(2)
    expect(playground.page.get_by_role("heading", name="Most likely")).to_be_hidden()


def test_drawing_with_a_finger(open_page: Opener, phone: BrowserContext) -> None:
    playground = open_page("draw?z=0,0,0,0,0,0", context=phone)
    box = playground.page.locator("#pad").bounding_box()
    assert box is not None
    touch = phone.new_cdp_session(playground.page)
    middle = box["x"] + box["width"] / 2

    def send(kind: str, *share: float) -> None:
        points = [{"x": middle, "y": box["y"] + y * box["height"]} for y in share]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", 0.2)
    for share in (0.3, 0.4, 0.5, 0.6):
        send("touchMove", share)
    send("touchEnd")
    expect_read(playground)
    # The finger drew, it did not scroll.
    assert playground.page.evaluate("scrollY") == 0


@pytest.mark.parametrize("damaged", ["strokes=%%%", "image=%%%", "image=AAAA"])
def test_a_damaged_link_shows_an_empty_pad(open_page: Opener, damaged: str) -> None:
    playground = open_page(f"draw?z=0,0,0,0,0,0&{damaged}")
    expect(playground.page.get_by_text("The model's reading appears here")).to_be_visible()


@pytest.mark.parametrize("language", ["curl", "Python"])
def test_the_code_reads_an_image(open_page: Opener, tmp_path: Path, language: str) -> None:
    panel = open_page("draw?z=0,0,0,0,0,0").page.locator("#draw-code")
    panel.get_by_role("radio", name=language).click()
    code = panel.locator("pre").inner_text()
    if language == "curl" and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / "letter.png").write_bytes(picture())
    command = ["bash", "-c", code] if language == "curl" else [sys.executable, "-c", code]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert json.loads((tmp_path / "reading.json").read_text())["encodings"][0]["label"] == "0"
