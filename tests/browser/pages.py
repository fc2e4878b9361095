"""The playground, in the words of the tests."""

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

# A model of tests/known_model.py writes grey: 100 + 10·z[0] + label.
GREY = 100

# The open tab, once its listeners are there.
USABLE = "html[data-ready] main > [role=tabpanel]:not([hidden]):not(:has(> [inert]))"

# Opacity in the middle of a canvas; read from a copy, because Chromium slows down a canvas that is read itself.
ALPHA = """canvas => {
  const middle = canvas.width / 2;
  const copy = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, middle, middle, 1, 1, 0, 0, 1, 1);
  return copy.getImageData(0, 0, 1, 1).data[3];
}"""

# A model of tests/known_model.py that draws strokes draws one across, 2 thick, this far down: 5 + z[0] + label / 2.
DOWN = 5

# Top and bottom of the ink in the middle of a canvas, in 28ths of its height.
STROKE = """canvas => {
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(1, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, width / 2, 0, 1, height, 0, 0, 1, height);
  const opacity = copy.getImageData(0, 0, 1, height).data.filter((_, place) => place % 4 === 3);
  const rows = [...opacity.keys()].filter(row => opacity[row] > 127);
  return [rows[0], rows.at(-1) + 1].map(row => row * 28 / height);
}"""


def wait_until(page: Page, holds: str, arg: object = None) -> None:
    """Wait until a function of the page returns true.

    Playwright's own `wait_for_function` evaluates text inside the page at every poll but the first, which the page's
    Content-Security-Policy forbids.

    Args:
        page: The page.
        holds: A function in JavaScript.
        arg: What it is called with.
    """
    page.evaluate(
        f"""async arg => {{
          const holds = {holds};
          const end = performance.now() + 20_000;
          while (!holds(arg)) {{
            if (performance.now() > end) throw new Error("still false after 20 seconds: " + holds);
            await new Promise(resolve => setTimeout(resolve, 20));
          }}
        }}""",
        arg,
    )


class Playground:
    """An open playground.

    Args:
        page: The page.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hero = page.locator("#hero-glyph")
        self.x1 = page.locator("#glyph-latents-x1")

    def wait_until_ready(self) -> None:
        """Wait until the page and the open tab can be used."""
        self.page.wait_for_selector(USABLE)

    def open_tab(self, name: str) -> Locator:
        """Click a tab; returns its panel."""
        self.page.get_by_role("tab", name=name).click()
        panel = self.page.get_by_role("tabpanel", name=name)
        expect(panel).to_be_visible()
        self.wait_until_ready()
        return panel

    def state(self) -> dict[str, str]:
        """The state in the address, once it has been written there."""
        # The page writes its address once changes have paused.
        self.page.evaluate("""async () => {
          const { hash } = await import("/playground/state.js");
          while (hash() !== location.hash) await new Promise(resolve => setTimeout(resolve, 20));
        }""")
        query = urlsplit(self.page.url).fragment.partition("?")[2]
        return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}

    def z(self) -> list[float]:
        """The latents in the address."""
        return [float(part) for part in self.state()["z"].split(",")]

    def expect_grey(self, canvas: Locator, grey: int) -> None:
        """Wait until `canvas`, which shows pixels, shows this grey."""
        wait_until(self.page, f"([canvas, grey]) => ({ALPHA})(canvas) === grey", [canvas.element_handle(), grey])

    def expect_stroke(self, canvas: Locator, middle: float) -> None:
        """Wait until `canvas` shows a stroke painted there, to within a pixel of the canvas."""
        holds = f"""([canvas, middle]) => {{
          const [top, bottom] = ({STROKE})(canvas);
          const error = Math.max(Math.abs(top - middle + 1), Math.abs(bottom - middle - 1));
          return error <= 28 / canvas.height && !canvas.classList.contains("pixels");
        }}"""
        wait_until(self.page, holds, [canvas.element_handle(), middle])

    def slide(self, slider: Locator, value: float) -> None:
        """Drag a slider to `value` with the mouse."""
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box is not None
        low, high = (float(slider.get_attribute(name) or "nan") for name in ("min", "max"))
        thumb = 20
        track = box["width"] - thumb
        middle = box["y"] + box["height"] / 2
        places = [
            box["x"] + thumb / 2 + track * (at - low) / (high - low) for at in (float(slider.input_value()), value)
        ]
        self.page.mouse.move(places[0], middle)
        self.page.mouse.down()
        self.page.mouse.move(places[1], middle, steps=8)
        self.page.mouse.up()

    def draw(self, *strokes: Sequence[tuple[float, float]]) -> None:
        """Draw strokes on the pad with the mouse; points from (0, 0) to (1, 1)."""
        pad = self.page.locator("#pad")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box is not None
        for stroke in strokes:
            points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
            self.page.mouse.move(*points[0])
            self.page.mouse.down()
            for point in points[1:]:
                self.page.mouse.move(*point, steps=4)
            self.page.mouse.up()
