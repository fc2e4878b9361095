"""The service behind real proxies, by the configurations of docs/proxies.md."""

import asyncio
import os
import re
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from _pytest.mark import ParameterSet

from glyphvae.web.keys import new_key
from tests.service.sockets import PATIENCE, serving
from tests.service.support import JSON

ROOT = Path(__file__).parents[3]
TLS = ROOT / "tests/data/tls"
HTML = {"Accept": "text/html"}
PREFIX = "/handwriting"

PAGE = (ROOT / "docs/proxies.md").read_text("utf-8")

NGINX = """\
pid {folder}/pid;
daemon off;
master_process off;
error_log stderr;
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
        {configuration}
    }}
}}
"""
CADDY = """\
{{
    admin off
    auto_https disable_redirects
}}
{configuration}
"""
TRAEFIK = """\
{configuration}
tls:
  stores:
    default:
      defaultCertificate:
        certFile: {tls}/cert.pem
        keyFile: {tls}/key.pem
"""


@dataclass(frozen=True)
class Proxy:
    """A proxy, as docs/proxies.md configures it.

    Attributes:
        command: The command.
        package: Where it comes from.
        file: What its configuration goes into.
        flags: Returns its flags, from the path of the file, its folder and the port.
        configuration: That of the page.
    """

    command: str
    package: str
    file: str
    flags: Callable[[Path, int], tuple[str | Path, ...]]
    configuration: str

    @property
    def path(self) -> str:
        """Where the command is, empty for nowhere."""
        # Debian's path of users that are not root does not have all; `make proxies-test` installs Traefik.
        folders = f"/usr/sbin:/usr/local/sbin:{ROOT}/.venv-traefik/bin"
        return shutil.which(self.command) or shutil.which(self.command, path=folders) or ""


def configurations(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def of_nginx(configuration: str) -> Proxy:
    def flags(file: Path, _port: int) -> tuple[str | Path, ...]:
        return ("-p", file.parent, "-c", file, "-e", "stderr")

    return Proxy("nginx", "Debian: nginx-light", NGINX, flags, configuration)


def caddy(file: Path, _port: int) -> tuple[str | Path, ...]:
    return ("run", "--adapter", "caddyfile", "--config", file)


def traefik(file: Path, port: int) -> tuple[str | Path, ...]:
    quiet = ("--global.checkNewVersion=false", "--global.sendAnonymousUsage=false")
    return (f"--providers.file.filename={file}", f"--entryPoints.secure.address=127.0.0.1:{port}", *quiet)


NGINX_STRIPPED, NGINX_KEPT = map(of_nginx, configurations("nginx"))
(OF_CADDY,) = (Proxy("caddy", "Debian: caddy", CADDY, caddy, text) for text in configurations("caddyfile"))
(OF_TRAEFIK,) = (Proxy("traefik", "make proxies-test", TRAEFIK, traefik, text) for text in configurations("yaml"))

TRUSTED: dict[str, object] = {"trusted_proxies": "127.0.0.1"}
BELOW: dict[str, object] = {"root_path": PREFIX}
# What the service is told, beside what the proxy does.
TOLD = [
    ("stripped, trusted", NGINX_STRIPPED, TRUSTED),
    ("stripped, root path", NGINX_STRIPPED, BELOW),
    ("stripped, Unix socket", NGINX_STRIPPED, {"trusted_proxies": "unix", "unix_socket": "socket"}),
    ("kept, trusted", NGINX_KEPT, TRUSTED),
    ("kept, root path", NGINX_KEPT, BELOW),
    ("Caddy, trusted", OF_CADDY, TRUSTED),
    ("Caddy, root path", OF_CADDY, BELOW),
    ("Traefik, trusted", OF_TRAEFIK, TRUSTED),
    ("Traefik, root path", OF_TRAEFIK, BELOW),
]


def where_installed(name: str, proxy: Proxy, *values: object) -> ParameterSet:
    reason = f"{proxy.command} is not installed ({proxy.package})"
    return pytest.param(proxy, *values, id=name, marks=pytest.mark.skipif(not proxy.path, reason=reason))


told = pytest.mark.parametrize(("proxy", "settings"), [where_installed(*case) for case in TOLD])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def behind(
    folder: Path, repository: Path, proxy: Proxy, settings: dict[str, object]
) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service behind a proxy, and yield a client of the proxy."""
    if "unix_socket" in settings:
        settings = settings | {"unix_socket": folder / "socket"}
    async with serving(repository, **settings) as server:
        port = free_port()
        there = f"unix:{folder}/socket:" if "unix_socket" in settings else f"127.0.0.1:{server.config.port}"
        configuration = proxy.configuration
        # Of the page: where the service is, and the name of the site.
        for told, meant in {
            "127.0.0.1:8000": there,
            "10.0.0.7:8000": there,
            "example.org {": f"https://localhost:{port} {{\n    tls {TLS}/cert.pem {TLS}/key.pem",
            "example.org": "localhost",
        }.items():
            configuration = configuration.replace(told, meant)
        file, log = folder / "proxy.yaml", folder / "log"
        file.write_text(proxy.file.format(folder=folder, port=port, tls=TLS, configuration=configuration))
        with log.open("wb") as output:
            flags, environment = proxy.flags(file, port), os.environ | {"HOME": str(folder)}
            process = await asyncio.create_subprocess_exec(
                proxy.path, *flags, stdout=output, stderr=output, cwd=folder, env=environment
            )
        try:
            trust = ssl.create_default_context(cafile=TLS / "cert.pem")
            url = f"https://localhost:{port}"
            async with httpx.AsyncClient(base_url=url, verify=trust, timeout=PATIENCE) as client:
                async with asyncio.timeout(PATIENCE):
                    while not await answers(client):
                        assert process.returncode is None, log.read_text()
                        await asyncio.sleep(0.01)
                yield client
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def answers(client: httpx.AsyncClient) -> bool:
    with suppress(httpx.TransportError):
        return (await client.get(f"{PREFIX}/livez")).status_code == 200
    return False


@told
async def test_everything_is_below_the_prefix(
    tmp_path: Path, repository: Path, proxy: Proxy, settings: dict[str, object]
) -> None:
    async with behind(tmp_path, repository, proxy, settings) as client:
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


@told
async def test_keys_open_what_they_open_without_a_prefix(
    tmp_path: Path, repository: Path, proxy: Proxy, settings: dict[str, object]
) -> None:
    token, key = new_key("ci", None, None, ("/generate",))
    (tmp_path / "keys").write_text(key.model_dump_json())
    async with behind(tmp_path, repository, proxy, settings | {"keys": tmp_path / "keys"}) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert (await client.get(f"{PREFIX}/generate?label=J")).status_code == 200
        assert (await client.get(f"{PREFIX}/models")).status_code == 403
        del client.headers["Authorization"]
        assert (await client.get(f"{PREFIX}/livez")).status_code == 200
        assert (await client.get(f"{PREFIX}/generate?label=J")).status_code == 401


@pytest.mark.parametrize(
    "proxy", [where_installed(proxy.command, proxy) for proxy in (NGINX_STRIPPED, OF_CADDY, OF_TRAEFIK)]
)
async def test_told_nothing_it_works_behind_a_proxy_that_strips_the_prefix(
    tmp_path: Path, repository: Path, proxy: Proxy
) -> None:
    async with behind(tmp_path, repository, proxy, {}) as client:
        page = await client.get(f"{PREFIX}/", headers=HTML, follow_redirects=True)
        assert str(page.url) == f"{str(client.base_url).rstrip('/')}{PREFIX}/playground"
        slash = await client.get(f"{PREFIX}/models/", follow_redirects=True)
        assert slash.status_code == 200
