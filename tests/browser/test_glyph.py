"""The Glyph tab."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from tests.browser.conftest import Opener
from tests.browser.pages import ALPHA, DOWN, GREY, STROKE, Playground, wait_until

J = 19
A = 10
STILL = "z=0,0,0,0,0,0&view=pixels"
PAINTED = "z=0,0,0,0,0,0&model=more"


def expect_hero(playground: Playground, state: str, z1: float) -> None:
    """Wait for the large J in that style, as pixels or painted."""
    if state == PAINTED:
        playground.expect_stroke(playground.hero, DOWN + z1 + J / 2)
    else:
        playground.expect_grey(playground.hero, round(GREY + 10 * z1 + J))


def test_the_glyph_follows_the_slider(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STILL}")
    playground.expect_grey(playground.hero, GREY + J)
    playground.slide(playground.x1, 2.0)
    z1 = playground.z()[0]
    assert z1 == pytest.approx(2.0, abs=0.05)
    playground.expect_grey(playground.hero, round(GREY + 10 * z1 + J))
    expect(playground.hero).to_have_accessible_name("Handwritten J")


@pytest.mark.parametrize("state", [STILL, PAINTED])
def test_every_move_of_a_slider_is_asked_for_at_once_and_shown(open_page: Opener, state: str) -> None:
    """No timer delays a request, so the page is as fast as the service."""
    playground = open_page(f"glyph?{state}")
    expect_hero(playground, state, 0)
    late = playground.x1.evaluate("""async slider => {
      const fetched = window.fetch;
      let sent = 0, late = 0;
      window.fetch = (...request) => { sent += 1; return fetched(...request); };
      const frame = () => new Promise(requestAnimationFrame);
      for (let move = 1; move <= 30; move += 1) {
        const drawn = new Promise(resolve => document.addEventListener("drawn", resolve, { once: true }));
        const before = sent;
        slider.value = 3 * Math.sin(move);
        slider.dispatchEvent(new Event("input"));
        await frame();
        await frame();
        late += sent === before;
        await drawn;
      }
      return late;
    }""")
    assert late == 0


@pytest.mark.parametrize("state", [STILL, PAINTED])
def test_one_request_is_in_flight_and_the_newest_wins(open_page: Opener, state: str) -> None:
    playground = open_page(f"glyph?{state}")
    expect_hero(playground, state, 0)
    count = """async slider => {
      const fetched = window.fetch;
      let flying = 0, most = 0, sent = 0;
      const shown = [];
      window.fetch = async (url, options) => {
        const query = new URL(url).searchParams;  // variations have one label, too, and a number
        const isHero = query.getAll("label").length === 1 && url.pathname === "/generate" && !query.has("n");
        if (!isHero) return fetched(url, options);
        sent += 1;
        most = Math.max(most, (flying += 1));
        await new Promise(resolve => setTimeout(resolve, 120));
        const answer = await fetched(url, options);
        flying -= 1;
        return answer;
      };
      document.addEventListener("drawn", ({ detail }) => shown.push(Number(detail.z.split(",")[0])));
      for (let step = 1; step <= 60; step += 1) {
        slider.value = step / 20;
        slider.dispatchEvent(new Event("input"));
        await new Promise(resolve => setTimeout(resolve, 10));
      }
      while (shown.at(-1) !== 3) await new Promise(resolve => setTimeout(resolve, 10));
      return { most, sent, shown };
    }"""
    result = playground.x1.evaluate(count)
    assert result["most"] == 1
    assert result["sent"] < 30
    assert all(earlier < later for earlier, later in itertools.pairwise(result["shown"]))
    expect_hero(playground, state, 3)


def test_the_glyph_is_painted_from_strokes_unless_its_pixels_are_shown(open_page: Opener) -> None:
    playground = open_page(f"glyph?{PAINTED}")
    hero = playground.hero
    expect_hero(playground, PAINTED, 0)
    playground.page.get_by_role("radio", name="Pixels").click()
    playground.expect_grey(hero, GREY + J)
    expect(hero).to_have_attribute("width", "28")
    playground.page.get_by_role("radio", name="Ink").click()
    expect_hero(playground, PAINTED, 0)
    expect(hero).to_have_attribute("width", "504")
    # A model without strokes has its pixels enlarged, here all of them ink.
    plain = open_page("glyph?z=1,0,0,0,0,0")
    wait_until(plain.page, f"canvas => ({STROKE})(canvas).join() === '0,28'", plain.hero.element_handle())


def test_keys_and_strips_are_painted_from_strokes(open_page: Opener) -> None:
    playground = open_page(f"glyph?{PAINTED}")
    for name, index in (("0", 0), ("Z", 35), ("ß", 38)):
        key = playground.page.get_by_role("radio", name=name, exact=True).locator("canvas")
        playground.expect_stroke(key, DOWN + index / 2)
    strip = playground.page.locator("#glyph-latents .strip").first.locator("canvas")
    for step in range(7):
        playground.expect_stroke(strip.nth(step), DOWN + J / 2 + step - 3)


def test_variations_are_painted_from_strokes(open_page: Opener) -> None:
    playground = open_page(f"glyph?{PAINTED}")
    page = playground.page
    samples = "n=24&temperature=0.7&seed=2&model=more"

    def is_of_samples(url: str) -> bool:
        return all(part in url for part in samples.split("&")) and "scale" not in url

    with page.expect_response(lambda answer: is_of_samples(answer.url)) as first:
        page.get_by_role("button", name="New variations").click()
    drawn = first.value.json()["samples"]
    for number in (0, 5, 23):
        canvas = page.locator("#variations canvas").nth(number)
        playground.expect_stroke(canvas, DOWN + J / 2 + drawn[number]["z"][0])


def test_labels_by_key_slider_and_keyboard(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STILL}")
    page = playground.page
    page.get_by_role("radio", name="A", exact=True).click()
    playground.expect_grey(playground.hero, GREY + A)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="B", exact=True)).to_be_checked()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="N", exact=True)).to_be_checked()
    page.keyboard.press("z")
    expect(page.get_by_role("radio", name="Z", exact=True)).to_be_focused()
    playground.expect_grey(playground.hero, GREY + 35)
    number = page.get_by_label("Label number")
    number.focus()
    number.press("Home")
    expect(page.get_by_role("radio", name="0", exact=True)).to_be_checked()
    playground.expect_grey(playground.hero, GREY)
    number.press("ArrowRight")
    assert playground.state()["label"] == "1"


def test_the_keys_show_the_alphabet_in_the_style(open_page: Opener) -> None:
    playground = open_page("glyph?z=1,0,0,0,0,0")
    key = playground.page.get_by_role("radio", name="Z", exact=True).locator("canvas")
    wait_until(playground.page, f"key => ({ALPHA})(key) > 200", key.element_handle())


def test_a_new_sample_leaves_locked_latents(open_page: Opener) -> None:
    playground = open_page("glyph?z=1.5,0,0,0,0,0")
    page = playground.page
    page.get_by_role("button", name="Lock x1").click()
    page.get_by_role("button", name="New sample").click()
    wait_until(page, "() => document.querySelector('#glyph-latents-x2').valueAsNumber !== 0")
    assert playground.z()[0] == 1.5
    assert playground.state()["locked"] == "1"
    page.get_by_role("button", name="Average").click()
    assert playground.z() == [1.5, 0, 0, 0, 0, 0]
    page.get_by_role("button", name="Lock x1").click()
    page.get_by_role("button", name="Average").click()
    assert playground.z() == [0] * 6


def test_at_temperature_zero_a_sample_is_the_average(open_page: Opener) -> None:
    playground = open_page("glyph?z=1,1,1,1,1,1")
    temperature = playground.page.get_by_label("Temperature")
    temperature.focus()
    temperature.press("Home")
    playground.page.get_by_role("button", name="New sample").click()
    wait_until(playground.page, "() => document.querySelector('#glyph-latents-x1').valueAsNumber === 0")
    assert playground.z() == [0] * 6


def test_variations_are_drawn_and_taken(open_page: Opener) -> None:
    playground = open_page("glyph?z=0.5,0,0,0,0,0&locked=1")
    variations = playground.page.locator("#variations")
    variation = variations.get_by_role("button", name="Use the style of variation 3", exact=True)
    with playground.page.expect_response(lambda answer: "n=24" in answer.url and "seed=2" in answer.url) as first:
        playground.page.get_by_role("button", name="New variations").click()
    drawn = first.value.json()["samples"]
    assert len(drawn) == 24
    assert {sample["z"][0] for sample in drawn} == {0.5}
    playground.page.wait_for_timeout(100)
    variation.click()
    assert playground.z() == pytest.approx(drawn[2]["z"], abs=0.001)


def test_the_strip_shows_what_a_latent_does_and_moves_it(open_page: Opener) -> None:
    playground = open_page("glyph?z=0,0,0,0,0,0")
    strip = playground.page.locator("#glyph-latents .strip").first
    expect(strip.locator("canvas")).to_have_count(7)
    strip.locator("canvas").last.click()
    assert playground.z()[0] == 3


def test_axes_have_words_where_the_model_names_them(open_page: Opener) -> None:
    playground = open_page()
    expect(playground.x1).to_have_accessible_name("x1 slant")
    expect(playground.page.locator("#glyph-latents-x2")).to_have_accessible_name("x2 narrow to wide")
    expect(playground.page.locator("#glyph-latents .ends")).to_have_text("narrowwide")
    playground.page.get_by_role("combobox", name="Model").select_option("cvae-beta-1")
    expect(playground.x1).to_have_accessible_name("x1")


def test_a_model_with_many_latents_shows_those_with_names_and_the_most_active_first(open_page: Opener) -> None:
    playground = open_page()
    page = playground.page
    page.get_by_role("combobox", name="Model").select_option("vae-z23")
    rows = page.locator("#glyph-latents .latent b")
    expect(rows).to_have_text(["x2", "x23", "x22", "x21", "x20", "x19"])
    expect(page.locator("#label-section")).to_be_hidden()
    wait_until(page, "() => location.hash.split(',').length === 23")
    page.get_by_role("button", name="Show 17 more").click()
    expect(rows).to_have_count(23)


def test_the_latents_of_a_hand_come_first_below_their_name(open_page: Opener) -> None:
    page = open_page().page
    headings = page.locator("#glyph-latents h3")
    expect(headings).to_have_count(0)
    page.get_by_role("combobox", name="Model").select_option("more")
    expect(headings).to_have_text(["Hand", "Form"])
    expect(page.locator("#glyph-latents > *").nth(3)).to_have_text("Form")
    expect(page.locator("#keys button").filter(has_text="◌")).not_to_have_count(0)


def test_another_beta_writes_the_same_latents_and_label(open_page: Opener) -> None:
    playground = open_page("glyph?model=cvae-beta-1&z=1,0,0,0,0,0&locked=2&view=pixels&label=A")
    page = playground.page
    beta = page.get_by_role("slider", name="β")
    shown = page.locator('output[for="beta"]')
    expect(shown).to_have_text("1")
    expect(page.locator("#beta-field .ends")).to_have_text("0.0011024")
    playground.expect_grey(playground.hero, GREY + 10 + A + 1)
    for key, value, lighter in (("ArrowRight", "1024", 2), ("Home", "0.001", 0)):
        beta.press(key)
        expect(shown).to_have_text(value)
        expect(beta).to_have_attribute("aria-valuetext", value)
        playground.expect_grey(playground.hero, GREY + 10 + A + lighter)
        expect(page.get_by_role("combobox", name="Model")).to_have_value(f"cvae-beta-{value}")
        state = playground.state()
        assert state["model"] == f"cvae-beta-{value}"
        assert (state["z"], state["locked"], state["label"]) == ("1,0,0,0,0,0", "2", "A")
    again = open_page(page.url.partition("#")[2])
    expect(again.page.locator('output[for="beta"]')).to_have_text("0.001")
    again.expect_grey(again.hero, GREY + 10 + A)


def test_a_model_without_other_betas_has_no_control_for_them(open_page: Opener) -> None:
    page = open_page().page
    expect(page.locator("#beta-field")).to_be_hidden()
    page.get_by_role("combobox", name="Model").select_option("cvae-beta-1")
    expect(page.locator("#beta-field")).to_be_visible()


def test_a_link_to_a_model_that_is_not_served(open_page: Opener) -> None:
    playground = open_page("glyph?model=gan&z=1,2")
    expect(playground.page.locator("#notice")).to_have_text("The model gan is not served. Using cvae.")
    expect(playground.page.get_by_role("combobox", name="Model")).to_have_value("cvae")
    assert len(playground.z()) == 6


def test_arrow_keys_move_a_latent_by_a_tenth(open_page: Opener) -> None:
    playground = open_page("glyph?z=0,0,0,0,0,0")
    playground.x1.press("ArrowRight")
    playground.x1.press("ArrowUp")
    playground.x1.press("Shift+ArrowLeft")
    assert playground.z()[0] == pytest.approx(0.19)


def test_the_address_reproduces_the_page(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STILL}")
    playground.page.get_by_role("radio", name="K", exact=True).click()
    playground.slide(playground.x1, -1.0)
    z = playground.z()
    again = open_page(playground.page.url.partition("#")[2])
    assert again.z() == z
    again.expect_grey(again.hero, round(GREY + 10 * z[0] + 20))


def test_a_shared_link_is_the_address(open_page: Opener) -> None:
    playground = open_page("glyph?z=1,0,0,0,0,0&label=Q")
    playground.page.get_by_role("button", name="Copy link").click()
    expect(playground.page.locator("#notice")).to_have_text("Copied")
    assert playground.page.evaluate("navigator.clipboard.readText()").endswith("#glyph?label=Q&z=1,0,0,0,0,0")


def test_back_returns_to_the_tab_before(open_page: Opener) -> None:
    playground = open_page("glyph?z=1,0,0,0,0,0")
    playground.open_tab("Text")
    playground.page.go_back()
    expect(playground.page.get_by_role("tab", name="Glyph")).to_have_attribute("aria-selected", "true")
    expect(playground.page.get_by_role("tabpanel", name="Glyph")).to_be_visible()


@pytest.mark.parametrize("language", ["curl", "Python"])
def test_the_code_does_what_the_page_shows(open_page: Opener, language: str, tmp_path: Path) -> None:
    playground = open_page("glyph?z=1,0,0,0,0,0&label=Q")
    panel = playground.page.locator("#glyph-code")
    panel.get_by_role("radio", name=language).click()
    panel.get_by_role("button", name="Copy").click()
    code = playground.page.evaluate("navigator.clipboard.readText()")
    command = ["bash", "-c", code] if language == "curl" else [sys.executable, "-c", code]
    if language == "curl" and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "q.png").read_bytes().startswith(b"\x89PNG")


def test_what_the_service_refuses_is_said_in_its_own_words(open_page: Opener, complaints: list[str]) -> None:
    playground = open_page("text?text=%25&unknown=error&z=0,0,0,0,0,0")
    alert = playground.page.locator("#paper").get_by_role("alert")
    expect(alert).to_contain_text("A value is not allowed")
    expect(alert).to_contain_text("text: ")
    expect(alert).not_to_contain_text("body.")
    expect(alert).to_contain_text("Change what you entered")
    playground.page.get_by_role("textbox", name="Text").fill("A")
    expect(alert).to_have_count(0)
    # Chromium itself reports each refusal.
    assert all("status of 422" in complaint for complaint in complaints)
    complaints.clear()


def test_it_works_with_a_finger(open_page: Opener, phone: BrowserContext) -> None:
    playground = open_page(f"glyph?{STILL}", context=phone)
    page = playground.page
    page.get_by_role("radio", name="A", exact=True).tap()
    playground.expect_grey(playground.hero, GREY + A)
    playground.x1.scroll_into_view_if_needed()
    box = playground.x1.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    playground.expect_grey(playground.hero, GREY + 30 + A)
    # The glyph stays in sight beside the slider.
    expect(playground.hero).to_be_in_viewport()


def test_a_slow_network_shows_that_it_works(open_page: Opener) -> None:
    playground = open_page(f"glyph?{STILL}")
    playground.expect_grey(playground.hero, GREY + J)

    playground.page.evaluate("""() => {
      const fetched = window.fetch;
      window.fetch = (...request) => new Promise(resolve => setTimeout(() => resolve(fetched(...request)), 1000));
    }""")
    playground.page.get_by_role("radio", name="A", exact=True).click()
    expect(playground.page.locator("#hero")).to_have_attribute("aria-busy", "true")
    # The old glyph stays until the new one is there.
    playground.expect_grey(playground.hero, GREY + J)
    playground.expect_grey(playground.hero, GREY + A)
    expect(playground.page.locator("#hero")).not_to_have_attribute("aria-busy", "true")


def test_a_label_that_a_model_lacks_is_its_capital(open_page: Opener) -> None:
    playground = open_page("glyph?z=0,0,0,0,0,0&view=pixels&label=a")
    page = playground.page
    playground.expect_grey(playground.hero, GREY + 10)
    expect(page.get_by_role("radio", name="A", exact=True)).to_have_attribute("aria-checked", "true")
    page.locator("#model").select_option("more")
    expect(page.get_by_role("radio", name="a", exact=True)).to_have_attribute("aria-checked", "true")
    page.locator("#model").select_option("cvae")
    expect(page.get_by_role("radio", name="A", exact=True)).to_have_attribute("aria-checked", "true")
    expect(page.locator("#glyph-code pre")).to_contain_text("label=A&")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_back_leads_to_a_tab_as_it_was_left(open_page: Opener) -> None:
    playground = open_page("glyph?z=0,0,0,0,0,0")
    playground.x1.press("End")
    playground.page.get_by_role("tab", name="Text").press("Enter")
    playground.page.locator("#text-latents-x1").press("Home")
    assert playground.z()[0] == -3
    playground.page.go_back()
    assert playground.z()[0] == 3
    expect(playground.x1).to_have_value("3")
    playground.page.go_forward()
    expect(playground.page.locator("#text-latents-x1")).to_have_value("-3")


def test_changes_are_undone(open_page: Opener) -> None:
    playground = open_page("glyph?z=0,0,0,0,0,0")
    page = playground.page
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    page.get_by_role("button", name="Wide").click()
    assert playground.z() == [0, 1.5, 0, 0, 0, 0]
    undo.click()
    assert not any(playground.z())
    expect(undo).to_be_disabled()
    playground.x1.press("End")
    playground.x1.press("Control+z")
    expect(playground.x1).to_have_value("0")


@pytest.mark.parametrize(("axes", "z"), [(["slant"], [0] * 6), (["thick strokes to thin strokes"], [0.7, *[0] * 5])])
def test_a_first_visit_opens_on_a_hand_that_is_not_heavy(
    desktop: BrowserContext, open_page: Opener, axes: list[str], z: list[float]
) -> None:
    def rename(route: Route) -> None:
        models = route.fetch().json()
        for model in models:
            model["metrics"]["axes"] = axes
        route.fulfill(json=models)

    desktop.route("**/models", rename)
    playground = open_page("glyph?view=pixels")
    assert playground.z() == z
    playground.expect_grey(playground.hero, round(GREY + J + 10 * z[0]))
    expect(playground.page.get_by_role("button", name="Undo")).to_be_disabled()


def test_the_glyph_is_downloaded_and_copied(open_page: Opener) -> None:
    page = open_page("glyph?z=0,0,0,0,0,0").page
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "j.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    page.get_by_role("button", name="Copy image").click()
    expect(page.locator("#notice")).to_have_text("Image copied")
    kinds = page.evaluate("navigator.clipboard.read().then(items => items.flatMap(item => item.types))")
    assert kinds == ["image/png"]


def test_the_writing_stays_in_sight_on_a_phone(open_page: Opener, phone: BrowserContext) -> None:
    page = open_page("text?z=0,0,0,0,0,0&text=A", context=phone).page
    expect(page.locator("#writing")).to_be_visible()
    page.locator("#text-latents").scroll_into_view_if_needed()
    expect(page.locator("#writing")).to_be_in_viewport()


def test_what_the_selected_model_is_is_said_and_the_papers_is_a_click_away(open_page: Opener) -> None:
    page = open_page("glyph?z=0,0,0,0,0,0").page
    words = page.locator("#model-words")
    expect(words).to_contain_text("cvae draws characters of 28×28 pixels: the label says which")
    for name, said in (("more", "draws pen strokes"), ("vae-z2", "without a label")):
        page.get_by_role("combobox", name="Model").select_option(name)
        expect(words).to_contain_text(f"{name} draws")
        expect(words).to_contain_text(said)
    page.get_by_role("button", name="Try the paper’s model").click()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("cvae-beta-1")
    expect(words).to_contain_text("is a conditional VAE as in the paper")
    page.get_by_role("button", name="Back to cvae").press("Enter")
    expect(page.get_by_role("combobox", name="Model")).to_have_value("cvae")


def test_without_the_papers_model_there_is_no_way_to_it(open_page: Opener, bare_address: str) -> None:
    page = open_page("glyph?z=0,0,0,0,0,0", base=bare_address).page
    expect(page.locator("#model-words")).to_contain_text("cvae draws")
    expect(page.locator("#other-model")).to_be_hidden()


def test_a_change_is_there_after_a_reload_at_once(open_page: Opener, address: str) -> None:
    def press_and(leave: str, label: str) -> None:
        page.evaluate(f"() => {{ document.querySelector('#keys [value={label}]').click(); {leave}; }}")

    page = open_page("glyph?label=K&z=0,0,0,0,0,0").page
    press_and("location.reload()", "Q")
    expect(page.get_by_role("radio", name="Q", exact=True)).to_be_checked()
    assert Playground(page).state()["label"] == "Q"
    # A visit of its own to the same address has nothing to do with the one before.
    press_and("location.href = 'about:blank'", "A")
    page.wait_for_url("about:blank")
    page.goto(f"{address}/playground#glyph?label=Q&z=0,0,0,0,0,0")
    Playground(page).wait_until_ready()
    expect(page.get_by_role("radio", name="Q", exact=True)).to_be_checked()


def test_what_is_below_the_fold_is_asked_for_when_it_is_seen(open_page: Opener) -> None:
    asked: list[str] = []
    page = open_page("text?model=more&z=0,0,0,0,0,0").page
    page.on("request", lambda request: asked.append(request.url))
    Playground(page).open_tab("Glyph")
    page.wait_for_load_state("networkidle")
    assert any("/traverse" in url for url in asked)
    assert not any("n=24" in url for url in asked)
    with page.expect_request(lambda request: "n=24" in request.url):
        page.locator("#variations").scroll_into_view_if_needed()


def test_models_are_grouped(open_page: Opener) -> None:
    page = open_page("glyph?z=0,0,0,0,0,0").page
    groups = page.locator("#model optgroup").evaluate_all(
        "groups => groups.map(group => [group.label, [...group.children].map(option => option.value)])"
    )
    assert groups == [
        ["Pen strokes, sharp at every size", ["more"]],
        ["The paper's, which differ in β", ["cvae-beta-0.001", "cvae-beta-1", "cvae-beta-1024"]],
        ["Pixels, chosen by label", ["cvae"]],
        ["Pixels, without labels", ["vae-z2", "vae-z23"]],
    ]
    expect(page.locator("#model-groups")).to_be_hidden()
    page.get_by_text("All models").click()
    expect(page.locator("#model-groups dt")).to_have_text([label for label, _ in groups])
    sentences = page.locator("#model-groups dd").all_inner_texts()
    for (_, names), sentence in zip(groups, sentences, strict=True):
        assert sentence.startswith(f"{', '.join(names)}. Each ")
    assert "β alone" in sentences[1]
