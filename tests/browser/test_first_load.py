"""The bytes of the first load, with the shipped models, on the wire."""

from typing import Any

from playwright.sync_api import BrowserContext

from tests.browser.pages import Playground
from tests.service.processes import running

# Bytes, heads included: of the page, its files, the models and all pictures.
LIMIT = 150_000


def test_the_first_load_is_small_on_the_wire(desktop: BrowserContext) -> None:
    kinds: set[str] = set()
    sizes: dict[str, float] = {}

    def received(event: dict[str, Any]) -> None:
        kinds.add(event["response"]["mimeType"])

    def finished(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = event["encodedDataLength"]

    with running("--device", "cpu") as server:
        with server.client() as client:
            client.get("/readyz").raise_for_status()  # a browser does not try again
        page = desktop.new_page()
        network = desktop.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.responseReceived", received)
        network.on("Network.loadingFinished", finished)
        page.goto(f"{server.url}/playground")
        Playground(page).wait_until_ready()
        page.wait_for_load_state("networkidle")
        page.close()
    assert "image/svg+xml" in kinds
    assert "image/png" not in kinds
    assert sum(sizes.values()) < LIMIT
