"""The playground's files, as the service answers them."""

import re

import httpx
import pytest

from glyphvae.api.parameters import DEFAULT_TEMPERATURE
from glyphvae.datasets.formats import DatasetRequest
from glyphvae.operations.generate import GenerateQuery
from glyphvae.operations.interpolate import InterpolateQuery
from glyphvae.operations.render_text import RenderText
from glyphvae.web.playground import FILES, FOLDER, INDEX

PAGE = FILES[INDEX].content.decode()
FIRST_LOAD_LIMIT = 150_000

# A module's imports, `import { a } from "./b.js"`; those of `import("./b.js")` come later.
IMPORTS = re.compile(r'^(?:import|export) .*?from "\./([^"]+)"|^import "\./([^"]+)"', re.MULTILINE)


def first_load() -> set[str]:
    """The files that the page loads before it can be used, by name."""
    found = {INDEX, "fonts/inter-greek.woff2", "open.svg", "closed.svg"}
    waiting = set(re.findall(r'(?:src|href)="playground/([^"]+)"', PAGE))
    while waiting:
        name = waiting.pop()
        found.add(name)
        if name.endswith(".js"):
            waiting |= {a or b for a, b in IMPORTS.findall(FILES[name].content.decode())} - found
    return found


async def test_the_page_and_its_files(client: httpx.AsyncClient) -> None:
    page = await client.get("/playground")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text == PAGE
    for name, file in FILES.items():
        answer = await client.get(f"/playground/{name}")
        assert answer.content == file.content == (FOLDER / name).read_bytes()
        assert answer.headers["content-type"] == file.media_type


async def test_the_policy_allows_nothing_inline_and_nobody_else(client: httpx.AsyncClient) -> None:
    for path in ("/playground", "/playground/app.js"):
        headers = (await client.get(path)).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)", PAGE)
    for name, file in FILES.items():
        if file.media_type.startswith("text/") and not name.endswith(".txt"):
            assert "//" not in re.sub(r"(?m)^\s*//.*$|http://www\.w3\.org/\S+", "", file.content.decode()), name


async def test_what_the_browser_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/playground/style.css")
    assert first.headers["cache-control"] == "no-cache"
    etag = first.headers["etag"]
    for known in (etag, f'"other", {etag.removeprefix("W/")}'):
        again = await client.get("/playground/style.css", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    other = await client.get("/playground/style.css", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    assert (await client.get("/playground/app.js")).headers["etag"] != etag


async def test_head_tells_of_the_file(client: httpx.AsyncClient) -> None:
    answer = await client.head("/playground", headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(len(FILES[INDEX].content))


@pytest.mark.parametrize("name", ["none.js", "../settings.py", "%2e%2e/settings.py", "..%2fsettings.py", "fonts"])
async def test_other_files_are_not_there(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/playground/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_slash_too_many_leads_to_the_page(client: httpx.AsyncClient) -> None:
    answer = await client.get("/playground/")
    assert answer.status_code == 308
    assert answer.headers["location"] == "../playground"


async def test_the_root_sends_browsers_to_the_page_and_tells_others_of_it(client: httpx.AsyncClient) -> None:
    browser = await client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (browser.status_code, browser.headers["location"]) == (307, "playground")
    other = await client.get("/")
    assert other.json()["playground"] == "/playground"
    assert browser.headers["vary"] == other.headers["vary"] == "Accept"


def test_the_first_load_is_small() -> None:
    names = first_load()
    assert {"start.js", "app.js", "glyph.js", "ink.js", "state.js"} <= names
    assert not {"draw.js", "letters.js", "explore.js", "font.js", "text.js"} & names
    assert sum(len(FILES[name].content) for name in names) < FIRST_LOAD_LIMIT


def test_every_module_that_is_imported_is_there() -> None:
    for name, file in FILES.items():
        if name.endswith(".js"):
            for imported in re.findall(r'"\./([^"]+)"', file.content.decode()):
                assert imported in FILES, (name, imported)


def test_the_page_and_the_endpoints_have_one_temperature() -> None:
    (shown,) = re.findall(r"^  temperature: \[([\d.]+),", FILES["state.js"].content.decode(), re.MULTILINE)
    looked_at = [kind.model_fields["temperature"].default for kind in (GenerateQuery, InterpolateQuery, RenderText)]
    assert [float(shown), *looked_at] == [DEFAULT_TEMPERATURE] * 4
    assert DatasetRequest.model_fields["temperature"].default == 1  # for classifiers, which need the variety


def test_the_first_modules_are_asked_for_together() -> None:
    preloaded = re.findall(r'rel="modulepreload" href="playground/([^"]+)"', PAGE)
    modules = {name for name in first_load() if name.endswith(".js")} - {"start.js", "theme.js"}
    assert sorted(preloaded) == sorted(modules)
    started = {"start.js", "app.js", "ink.js"}  # the others are loaded by the first
    for name in started | modules:
        started |= {a or b for a, b in IMPORTS.findall(FILES[name].content.decode())}
    assert modules == started - {"start.js"}
    assert {"text.js", "draw.js", "npy.js"}.isdisjoint(modules)
