"""The service behind a real nginx, by the configurations of docs/proxies.md."""

import asyncio
import re
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from glyphvae.web.keys import new_key
from tests.service.sockets import PATIENCE, serving, until
from tests.service.support import JSON

ROOT = Path(__file__).parents[3]
TLS = ROOT / "tests/data/tls"
HTML = {"Accept": "text/html"}
PREFIX = "/handwriting"

STRIPPED, KEPT = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/proxies.md").read_text("utf-8"), re.DOTALL)

NGINX = """\
pid {folder}/pid;
daemon off;
master_process off;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {tls}/cert.pem;
        ssl_certificate_key {tls}/key.pem;
        {location}
    }}
}}
"""

# Debian's path of users that are not root does not have it.
NGINX_COMMAND = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or ""

pytestmark = pytest.mark.skipif(
    not NGINX_COMMAND,
    reason="nginx is not installed (Debian: nginx-light)",
)

# What the service is told, beside what nginx does.
TOLD = pytest.mark.parametrize(
    ("location", "settings"),
    [
        (STRIPPED, {"trusted_proxies": "127.0.0.1"}),
        (STRIPPED, {"root_path": PREFIX}),
        (STRIPPED, {"trusted_proxies": "unix", "unix_socket": "socket"}),
        (KEPT, {"trusted_proxies": "127.0.0.1"}),
        (KEPT, {"root_path": PREFIX}),
    ],
    ids=["stripped, trusted", "stripped, root path", "stripped, Unix socket", "kept, trusted", "kept, root path"],
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def behind(
    folder: Path, repository: Path, location: str, settings: dict[str, object]
) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service behind nginx, and yield a client of nginx."""
    if "unix_socket" in settings:
        settings = settings | {"unix_socket": folder / "socket"}
    async with serving(repository, **settings) as server:
        port, there = free_port(), f"unix:{folder}/socket:" if "unix_socket" in settings else "127.0.0.1:8000"
        location = location.replace("127.0.0.1:8000", there.replace("8000", str(server.config.port)))
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, tls=TLS, location=location))
        flags = ("-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log")
        nginx = await asyncio.create_subprocess_exec(NGINX_COMMAND, *flags)
        try:
            await until(lambda: nginx.returncode is not None or is_open(port))
            assert nginx.returncode is None, (folder / "error.log").read_text()
            trust = ssl.create_default_context(cafile=TLS / "cert.pem")
            url = f"https://localhost:{port}"
            async with httpx.AsyncClient(base_url=url, verify=trust, timeout=PATIENCE) as client:
                yield client
        finally:
            if nginx.returncode is None:
                nginx.terminate()
            await nginx.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@TOLD
async def test_everything_is_below_the_prefix(
    tmp_path: Path, repository: Path, location: str, settings: dict[str, object]
) -> None:
    async with behind(tmp_path, repository, location, settings) as client:
        base = str(client.base_url).rstrip("/")
        for start in ("", "/", "/playground/"):
            there = await client.get(f"{PREFIX}{start}", headers=HTML, follow_redirects=True)
            assert (there.status_code, str(there.url)) == (200, f"{base}{PREFIX}/playground")
            assert "script-src 'self'" in there.headers["content-security-policy"]
        page = await client.get(f"{PREFIX}/playground")
        for link in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
            assert (await client.get(urljoin(str(page.url), link))).status_code == 200, link
        docs = await client.get(f"{PREFIX}/docs")
        (document,) = re.findall(r'href="(openapi\.json)"', docs.text)
        servers = (await client.get(urljoin(str(docs.url), document))).json()["servers"]
        assert [server["url"] for server in servers] == [PREFIX]
        assert "script-src" in docs.headers["content-security-policy"]
        welcome = (await client.get(f"{PREFIX}/", headers=JSON)).json()
        assert (await client.get(welcome["example"])).headers["content-type"] == "image/png"
        slash = await client.get(f"{PREFIX}/generate/?label=J", follow_redirects=True)
        assert (slash.status_code, str(slash.url)) == (200, f"{base}{PREFIX}/generate?label=J")


@TOLD
async def test_keys_open_what_they_open_without_a_prefix(
    tmp_path: Path, repository: Path, location: str, settings: dict[str, object]
) -> None:
    token, key = new_key("ci", None, None, ("/generate",))
    (tmp_path / "keys").write_text(key.model_dump_json())
    async with behind(tmp_path, repository, location, settings | {"keys": tmp_path / "keys"}) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert (await client.get(f"{PREFIX}/generate?label=J")).status_code == 200
        assert (await client.get(f"{PREFIX}/models")).status_code == 403
        del client.headers["Authorization"]
        assert (await client.get(f"{PREFIX}/livez")).status_code == 200
        assert (await client.get(f"{PREFIX}/generate?label=J")).status_code == 401


async def test_told_nothing_it_works_behind_a_proxy_that_strips_the_prefix(tmp_path: Path, repository: Path) -> None:
    async with behind(tmp_path, repository, STRIPPED, {}) as client:
        page = await client.get(f"{PREFIX}/", headers=HTML, follow_redirects=True)
        assert str(page.url) == f"{str(client.base_url).rstrip('/')}{PREFIX}/playground"
        slash = await client.get(f"{PREFIX}/models/", follow_redirects=True)
        assert slash.status_code == 200
