"""The page that lists the endpoints, in a browser that reaches nothing but the service."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import watched


@pytest.fixture(params=["address", "mounted_address"])
def docs(request: pytest.FixtureRequest, desktop: BrowserContext, complaints: list[str]) -> Page:
    """Return the page, at the root of its host and below a path; it may ask for nothing elsewhere."""
    base: str = request.getfixturevalue(request.param)
    page = watched(desktop.new_page(), complaints)

    def hear(url: str) -> None:
        if not url.startswith((f"{base}/", "data:", "blob:")):
            complaints.append(url)

    page.set_default_timeout(120_000)  # its script is large
    page.on("request", lambda asked: hear(asked.url))
    page.goto(f"{base}/docs")
    page.locator(".opblock").first.wait_for()
    return page


def test_every_endpoint_is_listed(docs: Page) -> None:
    for path in ("/generate", "/render-text", "/font", "/dataset", "/v2/models/{name}/infer", "/models/{name}"):
        expect(docs.locator(f'.opblock-summary-path[data-path="{path}"]').first).to_be_visible()
    expect(docs.get_by_role("heading", name="glyphvae")).to_be_visible()


def test_an_endpoint_can_be_tried_out(docs: Page) -> None:
    operation = docs.locator("#operations-default-list_models")
    operation.locator(".opblock-summary-control").first.click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(operation.locator(".request-url")).to_contain_text("/models")


def test_a_glyph_is_shown_as_it_is_drawn(docs: Page) -> None:
    operation = docs.locator("#operations-default-generate")
    operation.locator(".opblock-summary-control").first.click()
    operation.get_by_role("button", name="Execute").click()
    drawn = operation.locator(".live-responses-table img")
    expect(drawn).to_be_visible()
    assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_a_document_that_cannot_be_read_is_reported(docs: Page, complaints: list[str]) -> None:
    docs.route("**/openapi.json", lambda route: route.fulfill(status=503, json={"detail": "Not now."}))
    docs.reload()
    expect(docs.get_by_text("The list of endpoints cannot be shown: Not now.")).to_be_visible()
    assert all("503" in complaint for complaint in complaints)
    complaints.clear()
