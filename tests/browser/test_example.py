"""The example page, from an origin of its own."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.known_model import write_model
from tests.service.processes import ROOT, running


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 (the name of its parent's)
        """Requests are no news."""


@pytest.fixture
def origin() -> Iterator[str]:
    """The examples, served as any web server would."""
    handler = functools.partial(_Quiet, directory=ROOT / "examples")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_page_of_another_origin_writes(chromium: Browser, origin: str, tmp_path: Path) -> None:
    write_model(tmp_path)
    with running("--models", str(tmp_path), "--device", "cpu", "--cors-origins", origin) as service:
        with service.client() as client:
            client.get("/livez").raise_for_status()
        page = chromium.new_page()
        page.goto(f"{origin}/page.html?service={service.url}")
        page.get_by_role("button").click()
        expect(page.get_by_role("status")).to_contain_text("writes it again")
        expect(page.get_by_role("img", name="Hello")).to_be_visible()
        page.get_by_label("Text").fill("!")
        page.get_by_role("button").click()
        expect(page.get_by_role("status")).to_contain_text("cannot be written")
        # The origin is named, so an image is shown if the page asks by CORS, and not otherwise.
        page.set_content(f'''<img alt="asked" crossorigin src="{service.url}/generate?label=J">
            <img alt="plain" src="{service.url}/generate?label=J">''')
        page.wait_for_function("[...document.images].every(image => image.complete)")
        widths = {
            name: page.get_by_alt_text(name).evaluate("image => image.naturalWidth") for name in ("asked", "plain")
        }
        assert widths == {"asked": 28, "plain": 0}
        page.close()
