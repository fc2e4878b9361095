"""The files of the page that lists the endpoints."""

import re

import httpx
import pytest

from glyphvae.errors import NotFound
from glyphvae.web.docs import FOLDER, NAMES, VERSION
from glyphvae.web.playground import INDEX
from tests.service.support import expect_problem

PAGE = (FOLDER / INDEX).read_text(encoding="utf-8")
LICENCES = {"LICENSE.txt", "NOTICE.txt", "swagger-ui-bundle.js.LICENSE.txt"}


async def test_the_page_and_its_files(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs")).text == PAGE
    for name in NAMES:
        response = await client.get(f"/docs/{name}")
        assert response.content == (FOLDER / name).read_bytes()
        again = await client.head(f"/docs/{name}", headers={"If-None-Match": response.headers["etag"]})
        assert again.status_code == 304


async def test_the_policy_allows_nothing_inline_and_nobody_else(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/docs/start.js"):
        (policy,) = (await client.get(path)).headers.get_list("content-security-policy")
        assert "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy


def test_the_page_names_only_its_own_files_and_relative_ones() -> None:
    addresses = re.findall(r'(?:src|href)="([^"]+)"', PAGE)
    assert [address for address in addresses if address.startswith(("/", "http"))] == []
    loaded = {address.removeprefix("docs/") for address in addresses if address.startswith("docs/")}
    assert loaded | {INDEX} | LICENCES == NAMES


def test_the_release_and_its_licences_are_told_and_it_is_small() -> None:
    assert f'"{VERSION}"' in (FOLDER / "swagger-ui-bundle.js").read_text(encoding="utf-8")
    assert "Apache License" in (FOLDER / "LICENSE.txt").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000


@pytest.mark.parametrize("name", ["none.js", "../docs.py", "%2e%2e/docs.py"])
async def test_other_files_are_not_there(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/docs/{name}")).status_code == 404


async def test_a_missing_file_says_where_the_page_is(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs/none.js")
    expect_problem(response, NotFound, "There is nothing at '/docs/none.js'; the page is at /docs.")


async def test_a_slash_at_the_end_leads_to_the_page(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs/")
    assert (response.status_code, response.headers["location"]) == (308, "../docs")
