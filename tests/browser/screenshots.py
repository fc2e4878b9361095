"""Takes the pictures in docs/images: `python -m tests.browser.screenshots ADDRESS` of a service that runs."""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, DESKTOP, FLAGS, PHONE
from tests.browser.pages import Playground

IMAGES = Path("docs/images")
# A J, as a person would draw it on the pad.
STROKES = (
    [(0.62, 0.2), (0.62, 0.5), (0.6, 0.65), (0.54, 0.76), (0.44, 0.78), (0.36, 0.72), (0.33, 0.62)],
    [(0.42, 0.2), (0.8, 0.2)],
)
# Five letters of one hand.
LETTERS = {
    "R": (
        [(0.36, 0.16), (0.34, 0.4), (0.3, 0.86)],
        [(0.3, 0.2), (0.48, 0.13), (0.66, 0.2), (0.64, 0.36), (0.5, 0.47), (0.36, 0.5), (0.54, 0.66), (0.74, 0.86)],
    ),
    "a": (
        [(0.68, 0.3), (0.5, 0.24), (0.32, 0.4), (0.28, 0.62), (0.36, 0.78), (0.52, 0.72), (0.66, 0.48), (0.7, 0.28)],
        [(0.7, 0.28), (0.64, 0.56), (0.66, 0.74), (0.78, 0.76)],
    ),
    "e": (
        [(0.32, 0.54), (0.52, 0.5), (0.68, 0.4), (0.66, 0.26), (0.52, 0.22), (0.36, 0.36), (0.3, 0.58), (0.46, 0.79)],
        [(0.46, 0.79), (0.56, 0.78), (0.7, 0.68)],
    ),
    "g": (
        [(0.66, 0.2), (0.5, 0.15), (0.36, 0.26), (0.33, 0.42), (0.42, 0.5), (0.56, 0.42), (0.66, 0.22)],
        [(0.67, 0.18), (0.62, 0.5), (0.56, 0.74), (0.44, 0.86), (0.32, 0.82), (0.3, 0.72)],
    ),
    "n": (
        [(0.34, 0.24), (0.33, 0.5), (0.28, 0.78)],
        [(0.31, 0.58), (0.42, 0.36), (0.56, 0.25), (0.67, 0.32), (0.65, 0.54), (0.64, 0.72), (0.74, 0.77)],
    ),
}
TALL = (1280, 1240)


def give_letters(playground: Playground) -> None:
    """Draw five letters, and give each as one of the hand's."""
    for label, strokes in LETTERS.items():
        playground.draw(*strokes)
        playground.page.get_by_label("Which letter is it?").fill(label)
        playground.page.get_by_role("button", name=f"Add {label} to my letters").click()


def wait_for_font(page: Page) -> None:
    """Wait until the font is shown; end with what the service says if it makes none."""
    page.locator("#font-note:not(:empty), #font > .problem").first.wait_for(timeout=120_000)
    for problem in page.locator("#font > .problem").all():
        sys.exit(problem.inner_text())


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
            ("text", "text", DESKTOP, "light"),
            ("draw", "draw", TALL, "light"),
            ("hand", "draw", TALL, "light"),
            ("explore", "explore", DESKTOP, "light"),
            ("phone", "glyph?label=R", PHONE, "light"),
        ]
        for name, state, (width, height), scheme in shots:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(f"{address}/playground#{state}")
            playground = Playground(page)
            playground.wait_until_ready()
            if name in {"draw", "hand"}:
                give_letters(playground)
            if name == "draw":
                playground.draw(*STROKES)
            if name == "hand":
                page.get_by_role("button", name="Write a text in my hand").click()
                page.get_by_role("button", name="Make the font").click()
                wait_for_font(page)
            page.evaluate("scrollTo(0, 0)")
            settle(page)
            page.screenshot(path=IMAGES / f"playground-{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
