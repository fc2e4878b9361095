"""A network that fails, and a service that does."""

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from tests.browser.conftest import Opener, watched
from tests.browser.pages import GREY, Playground

J, A = 19, 10
STILL = "glyph?z=0,0,0,0,0,0&view=pixels"


def test_offline_and_back(open_page: Opener, desktop: BrowserContext, complaints: list[str]) -> None:
    playground = open_page(STILL)
    page = playground.page
    playground.expect_grey(playground.hero, GREY + J)
    desktop.set_offline(True)
    page.get_by_role("radio", name="A", exact=True).click()
    banner = page.locator("#offline")
    expect(banner).to_contain_text("You are offline")
    # One banner for the page, not a message for each of its parts; what was there stays.
    expect(page.get_by_role("alert")).to_have_count(0)
    playground.expect_grey(playground.hero, GREY + J)
    desktop.set_offline(False)
    playground.expect_grey(playground.hero, GREY + A)
    expect(banner).to_be_empty()
    assert all("ERR_INTERNET_DISCONNECTED" in complaint for complaint in complaints)
    complaints.clear()


def test_a_service_that_does_not_answer(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page(STILL)
    page = playground.page
    playground.expect_grey(playground.hero, GREY + J)
    page.route("**/*", lambda route: route.abort("connectionrefused"))
    page.get_by_role("radio", name="A", exact=True).click()
    banner = page.locator("#offline")
    expect(banner).to_contain_text("The service does not respond")
    page.unroute_all()
    playground.expect_grey(playground.hero, GREY + A)
    expect(banner).to_be_empty()
    assert all("ERR_CONNECTION_REFUSED" in complaint for complaint in complaints)
    complaints.clear()


def test_a_failure_can_be_tried_again(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page(STILL)
    page = playground.page
    playground.expect_grey(playground.hero, GREY + J)
    problem = '{"title": "The service is not ready", "detail": "cvae: the model did not run.", "status": 503}'

    def fail(route: Route) -> None:
        route.fulfill(status=503, content_type="application/problem+json", body=problem)

    page.route("**/generate?label=A&*", fail)
    page.get_by_role("radio", name="A", exact=True).click()
    alert = page.locator("#hero").get_by_role("alert")
    expect(alert).to_contain_text("The service is not ready")
    expect(alert).to_contain_text("cvae: the model did not run.")
    expect(alert).to_contain_text("Wait a moment, then try again.")
    page.unroute_all()
    alert.get_by_role("button", name="Try again").click()
    playground.expect_grey(playground.hero, GREY + A)
    expect(alert).to_have_count(0)
    assert all("status of 503" in complaint for complaint in complaints)
    complaints.clear()


def test_an_answer_that_is_not_the_services_own(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page(STILL)
    page = playground.page
    page.route("**/generate?label=A&*", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    page.get_by_role("radio", name="A", exact=True).click()
    alert = page.locator("#hero").get_by_role("alert")
    expect(alert).to_contain_text("It responded with 502")
    expect(alert).to_contain_text("It is not your fault.")
    complaints.clear()


def test_a_service_that_takes_too_long(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page(STILL)
    page = playground.page
    playground.expect_grey(playground.hero, GREY + J)
    page.evaluate("""() => {
      const fetched = window.fetch;
      window.fetch = (...request) => {
        const late = () => { throw new DOMException("", "TimeoutError"); };
        return String(request[0]).includes("label=A&") ? fetched(...request).then(late) : fetched(...request);
      };
    }""")
    page.get_by_role("radio", name="A", exact=True).click()
    alert = page.locator("#hero").get_by_role("alert")
    expect(alert).to_contain_text("The service took too long")
    expect(alert).to_contain_text("no response within 15 seconds")
    expect(page.locator("#offline")).to_be_empty()
    complaints.clear()


def test_a_picture_that_is_damaged(open_page: Opener) -> None:
    playground = open_page("glyph?model=more&z=0,0,0,0,0,0")
    page = playground.page
    page.route("**/generate?label=A&*", lambda route: route.fulfill(content_type="image/svg+xml", body="<svg"))
    page.get_by_role("radio", name="A", exact=True).click()
    expect(page.locator("#hero").get_by_role("alert")).to_contain_text("The response cannot be read")
    expect(page.locator("#offline")).to_be_empty()


def test_a_glyph_that_cannot_be_read_or_copied_says_why(open_page: Opener, complaints: list[str]) -> None:
    page = open_page("draw?z=0,0,0,0,0,0").page
    problem = '{"title": "Too many requests are queued", "detail": "The queue is full.", "status": 429}'
    page.route(
        "**/generate?*scale=*",
        lambda route: route.fulfill(status=429, content_type="application/problem+json", body=problem),
    )
    page.get_by_role("button", name="Read the current glyph").click()
    expect(page.locator("#reading").get_by_role("alert")).to_contain_text("Others use the service too.")
    Playground(page).open_tab("Glyph")
    page.get_by_role("button", name="Copy image").click()
    expect(page.locator("#notice")).to_have_text("Nothing was copied. The queue is full.")
    complaints.clear()


def test_a_start_that_fails_is_made_up_for(desktop: BrowserContext, address: str, complaints: list[str]) -> None:
    page = watched(desktop.new_page(), complaints)
    page.route("**/models", lambda route: route.fulfill(status=500, body=""))
    page.goto(f"{address}/playground#{STILL}")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("It responded with 500")
    page.unroute_all()
    alert.get_by_role("button", name="Try again").click()
    playground = Playground(page)
    playground.wait_until_ready()
    playground.expect_grey(playground.hero, GREY + J)
    complaints.clear()


@pytest.mark.parametrize(("tab", "shown"), [("Draw", "#reading-empty"), ("Explore", "#betas .beta")])
def test_a_tab_opened_offline_works_once_back(
    open_page: Opener, desktop: BrowserContext, complaints: list[str], tab: str, shown: str
) -> None:
    playground = open_page(STILL)
    page = playground.page
    playground.expect_grey(playground.hero, GREY + J)
    desktop.set_offline(True)
    page.get_by_role("tab", name=tab).click()
    expect(page.locator("#offline")).to_contain_text("You are offline")
    desktop.set_offline(False)
    playground.wait_until_ready()
    expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    expect(page.locator(shown).first).to_be_visible()
    expect(page.locator("#offline")).to_be_empty()
    assert playground.state()["view"] == "pixels"
    complaints.clear()


def test_a_missing_part_of_the_page_can_be_tried_again(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page(STILL)
    page = playground.page
    page.route("**/draw.js", lambda route: route.fulfill(status=404, body=""))
    page.get_by_role("tab", name="Draw").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("could not be loaded")
    page.unroute_all()
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator("#pad-hint")).to_be_visible()
    playground.wait_until_ready()
    playground.draw([(0.3, 0.3), (0.7, 0.7)])
    expect(page.locator("#bars button")).to_have_count(5)
    complaints.clear()


def test_the_large_glyph_does_not_wait_for_the_rest_of_the_page(
    desktop: BrowserContext, address: str, complaints: list[str]
) -> None:
    page = watched(desktop.new_page(), complaints)
    held: list[Route] = []
    page.route("**/app.js", lambda route: held.append(route))  # noqa: PLW0108 (Playwright sets attributes of it)
    page.goto(f"{address}/playground#{STILL}", wait_until="commit")
    Playground(page).expect_grey(page.locator("#hero-glyph"), GREY + J)
    expect(page.get_by_role("tabpanel")).to_have_attribute("inert", "")
    for route in held:
        route.continue_()
    Playground(page).wait_until_ready()
    expect(page.get_by_role("tabpanel")).not_to_have_attribute("inert", "")


def test_the_start_waits_for_the_service(desktop: BrowserContext, address: str, complaints: list[str]) -> None:
    page = watched(desktop.new_page(), complaints)
    page.route("**/models", lambda route: route.abort("connectionrefused"))
    page.goto(f"{address}/playground#{STILL}")
    expect(page.locator("#offline")).to_contain_text("The service does not respond")
    page.unroute_all()
    Playground(page).wait_until_ready()
    complaints.clear()
