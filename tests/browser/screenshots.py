"""Takes the pictures in docs/images: `python -m tests.browser.screenshots ADDRESS` of a service that runs."""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, DESKTOP, FLAGS, PHONE
from tests.browser.pages import Playground

IMAGES = Path("docs/images")
HAND = "z=0.35,0.6,-0.5,0.3,-0.2,0.4"
# A J, as a person would draw it on the pad.
STROKES = (
    [(0.62, 0.2), (0.62, 0.5), (0.6, 0.65), (0.54, 0.76), (0.44, 0.78), (0.36, 0.72), (0.33, 0.62)],
    [(0.42, 0.2), (0.8, 0.2)],
)


def settle(page: Page) -> None:
    """Wait until every answer is shown."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(500)


def main(address: str) -> None:
    """Take every picture."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shots = [
            ("glyph", "glyph?label=R", DESKTOP, "light"),
            ("glyph-dark", "glyph?label=R", DESKTOP, "dark"),
            ("text", "text?", DESKTOP, "light"),
            ("draw", "draw?", DESKTOP, "light"),
            ("explore", "explore?", DESKTOP, "light"),
            ("phone", "glyph?label=R", PHONE, "light"),
        ]
        for name, state, (width, height), scheme in shots:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(f"{address}/playground#{state}&{HAND}")
            playground = Playground(page)
            playground.wait_until_ready()
            if name == "draw":
                playground.draw(*STROKES)
            settle(page)
            page.screenshot(path=IMAGES / f"playground-{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
