"""HTTPS and Unix domain sockets of the service's own server."""

import asyncio
import shutil
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from glyphvae.errors import StartError
from glyphvae.server.listener import check_certificate, remove_stale
from glyphvae.server.server import Server
from glyphvae.settings import Settings
from tests.service.processes import COMMAND, python, running
from tests.service.sockets import PATIENCE, Streams, connect, connections, read, request, serving, until

TLS = Path(__file__).parents[2] / "data/tls"
Listening = tuple[dict[str, object], Callable[[Server], Awaitable[Streams]]]

GENERATE = request("/generate?label=J")
LARGE = request("/generate?label=J&n=3000", b"", "Accept: application/x-npy")


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, object]:
    shutil.copytree(TLS, tmp_path / "tls")
    return {"tls_cert": tmp_path / "tls/cert.pem", "tls_key": tmp_path / "tls/key.pem"}


async def encrypted(server: Server) -> Streams:
    trust = ssl.create_default_context(cafile=TLS / "cert.pem")
    return await asyncio.open_connection("localhost", server.config.port, family=socket.AF_INET, ssl=trust)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def through_socket(server: Server) -> Streams:
    return await asyncio.open_unix_connection(server.config.settings.unix_socket)


@pytest.fixture(params=["tls", "unix"])
def listening(request: pytest.FixtureRequest, tmp_path: Path, certificate: dict[str, object]) -> Listening:
    """Return settings, and what connects to a server with them."""
    return (certificate, encrypted) if request.param == "tls" else ({"unix_socket": tmp_path / "s"}, through_socket)


async def test_requests_are_answered(repository: Path, listening: Listening) -> None:
    settings, connecting = listening
    async with serving(repository, max_samples=3000, **settings) as server:
        reader, writer = await connecting(server)
        for sent in (GENERATE, request("/livez", method="GET"), LARGE):
            writer.write(sent)
            assert (await read(reader)).status == 200
        connections(server)[0].watch()
        await close(writer)
        await until(lambda: not connections(server))


async def test_a_slow_reader_is_watched_there_too(repository: Path, listening: Listening) -> None:
    settings, connecting = listening
    async with serving(repository, max_samples=100_000, **settings) as server:
        reader, writer = await connecting(server)
        writer.write(request("/generate?label=J&n=50000", b"", "Accept: application/x-npy"))
        await until(lambda: connections(server))
        await until(connections(server)[0].transport.get_write_buffer_size)
        connections(server)[0].watch()
        assert not connections(server)[0].transport.is_closing()
        await reader.read(100)
        writer.transport.abort()
        await until(lambda: not connections(server))


async def test_whoever_does_not_speak_tls_is_closed(repository: Path, certificate: dict[str, object]) -> None:
    async with serving(repository, **certificate) as server:
        reader, writer = await connect(server)
        writer.write(GENERATE)
        assert not (await reader.read()).startswith(b"HTTP")
        await close(writer)
        reader, writer = await encrypted(server)
        writer.write(GENERATE)
        assert (await read(reader)).status == 200
        await close(writer)


async def test_a_reload_reads_the_certificate_anew(
    repository: Path, certificate: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(repository, **certificate) as server:
        before = server.context.registry
        shutil.copy(TLS / "key.pem", str(certificate["tls_cert"]))  # it has no certificate
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: "the new models are refused" in caplog.text)
        assert "GLYPHVAE_TLS_CERT" in caplog.text
        _, writer = await encrypted(server)
        await close(writer)
        shutil.copy(TLS / "cert.pem", str(certificate["tls_cert"]))
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: server.context.registry is not before)
        _, writer = await encrypted(server)
        await close(writer)


@pytest.mark.parametrize(
    ("cert", "key", "says"),
    [
        ("none.pem", None, r"none\.pem: No such file or directory"),
        ("cert.pem", None, r"cert\.pem: "),
        ("key.pem", "key.pem", r"key\.pem, .*key\.pem: "),
    ],
)
def test_a_certificate_that_cannot_be_used_stops_the_start(cert: str, key: str | None, says: str) -> None:
    settings = Settings(tls_cert=TLS / cert, tls_key=None if key is None else TLS / key)
    with pytest.raises(StartError, match=rf"^setting GLYPHVAE_TLS_CERT: .*{says}"):
        check_certificate(settings)


def test_the_command_says_so_in_one_line() -> None:
    done = python(*COMMAND[1:], "--tls-cert", "nowhere.pem", "--device", "cpu")
    expected = "glyphvae: setting GLYPHVAE_TLS_CERT: nowhere.pem: No such file or directory\n"
    assert (done.returncode, done.stderr) == (1, expected)


def wait_for(path: Path) -> None:
    """Wait until a process listens; httpx leaves sockets open where it tries again."""
    end = monotonic() + PATIENCE
    with socket.socket(socket.AF_UNIX) as probe:
        while probe.connect_ex(str(path)) != 0:
            assert monotonic() < end
            sleep(0.01)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_socket_is_there_while_the_service_runs(repository: Path, tmp_path: Path, workers: str) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    own = ("--models", str(repository), "--device", "cpu", "--workers", workers, "--unix-socket", str(path))
    with running(*own, listens=f"Uvicorn running on unix socket ({path})") as server:
        wait_for(path)
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://glyphvae", timeout=PATIENCE) as client:
            assert client.get("/livez").status_code == 200
        server.terminate()
    assert not path.exists()


def test_what_is_in_use_or_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.create_server(str(path), family=socket.AF_UNIX):
        remove_stale(path)
        assert path.exists()
    (tmp_path / "file").touch()
    remove_stale(tmp_path / "file")
    assert (tmp_path / "file").exists()
