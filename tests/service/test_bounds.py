"""All kinds of costly requests at once, against the command with its default settings, beside honest clients.

Each kind has tests of its own for what becomes of it. Here they come together, and the promise is that of
docs/reliability.md: memory, the event loop and the probes stay within their bounds, and every honest request is
answered.
"""

import io
import re
import resource
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any, NamedTuple

import httpx
import numpy as np
import orjson
import pytest
from PIL import Image, ImageDraw

from glyphvae.client import Client, Retry
from glyphvae.observability.telemetry import ITERATIONS
from glyphvae.scheduling.cost import ceiling
from glyphvae.server.admin import MAX_CONNECTIONS
from glyphvae.settings import Settings
from glyphvae.web.body_limits import MAX_LISTS
from tests.service.imaging.test_decode import chunk, png
from tests.service.observability.test_metrics import samples_of
from tests.service.processes import running
from tests.service.sockets import request
from tests.service.support import picture

PATIENCE = 120  # seconds; the tests may share their machine
TRIES = 60
HALF_HEADS, RELUCTANT, ROUNDS = 100, 40, 10
SETTINGS = Settings()
# Bytes of a container. The kernel holds the server to it by what is allocated, whether or not it is used; what is used
# is to stay below what is promised.
LIMIT = 800_000_000
# Seconds of the event loop; and those that a Python loop of so many steps took where they were set.
LONGEST, STEPS, SECONDS = 0.1, 20_000, 0.0005
# Bytes of an error, whatever it is about.
SHORT = 1000
REFUSED = {429, 503}

CLOSE = "Connection: close"
AS_JSON, AS_GIF, IS_JSON = "Accept: application/json", "Accept: image/gif", "Content-Type: application/json"
GRID = "/traverse?label=J&latent=1&latent=2&n=100"
GENERATE = request("/generate?label=J")

Address = tuple[str, int]


class Hostile(NamedTuple):
    """Something that is sent.

    Attributes:
        clients: How many send it at once.
        right: What they may get.
        send: Sends it to an address.
        arguments: Further arguments.
    """

    clients: int
    right: list[Any]
    send: Callable[..., Any]
    arguments: tuple[object, ...] = ()


def ink(width: int, height: int) -> Image.Image:
    """Return a stroke on paper."""
    image = Image.new("L", (width, height), 255)
    ImageDraw.Draw(image).line([(width // 2, height // 5), (width // 2, height - height // 5)], 0, width // 10)
    return image


def saved(image: Image.Image, kind: str, **options: bool) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def rescanned(side: int, count: int) -> bytes:
    """Return a progressive JPEG file whose last scan is there many times more."""
    data = saved(ink(side, side), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + data[-2:]


GLYPH = saved(ink(28, 28), "PNG")
CHUNKS = GLYPH[:33] + chunk(b"abCd", b"") * 1_300_000 + GLYPH[33:]
THIN = png(1, 15_999_999, 8, 6, bytes(5 * 15_999_999))  # 80 kB
STRINGS = {"name": "z", "datatype": "FP32", "shape": [1, 16], "data": ["a" * 200_000, *["b"] * 2000]}
ALL_LISTS = b"[" + b"[]," * 340_000 + b"[]]"
ALLOWED_LISTS = b'{"text":[' + b"[]," * (MAX_LISTS - 3) + b"[]]}"
NUMBERS = b'{"z":[' + b"NaN," * 250_000 + b"0]}"


def post(target: str, body: bytes | object = b"", *headers: str) -> bytes:
    if isinstance(body, bytes):
        return request(target, body, CLOSE, *headers)
    return request(target, orjson.dumps(body), CLOSE, "Content-Type: application/json", *headers)


# What is sent, by how many clients, and the statuses that are right. Long work may pass its deadline.
COSTLY: dict[str, tuple[bytes, int, list[int]]] = {
    "strings as numbers": (post("/v2/models/pen-decoder/infer", {"inputs": [STRINGS]}), 2, [400]),
    "thousands of scans": (post("/encode", rescanned(256, 5000)), 2, [422]),
    "sixteen megapixels in 30 scans": (post("/encode?label=J", rescanned(4000, 24)), 2, [200, 503]),
    "an animation of 10,000 frames": (post(GRID, b"", AS_GIF), 4, [200, 503]),
    "a large animation": (post("/interpolate?label=J&n=1000&scale=9", b"", AS_GIF), 1, [200, 503]),
    "steps as JSON": (post(GRID, b"", AS_JSON), 2, [200]),
    "wrong labels": (post("/dataset", {"count": 1, "labels": [1] * 400_000}), 2, [422]),
    "a long thin picture": (post("/encode?label=J", THIN), 2, [422]),
    "a million chunks": (post("/encode?label=J", CHUNKS), 2, [422]),
    "lists": (post("/render-text", ALL_LISTS, IS_JSON), 8, [400]),
    "as many lists as are allowed": (post("/render-text", ALLOWED_LISTS, IS_JSON), 8, [422]),
    "numbers that are none": (post("/render-text", NUMBERS, IS_JSON), 8, [422]),
    "a wrong checksum": (post("/encode?label=J", GLYPH[:-14] + b"!" + GLYPH[-13:]), 2, [400]),
    "cut after the pixels": (post("/encode?label=J", GLYPH[:-12]), 2, [400]),
    "two content types": (post("/encode?label=J", GLYPH, "Content-Type: a/b", "Content-Type: c/d"), 2, [400]),
    "no HTTP": (b"GET /livez HTTP/9.9\r\n\r\n", 4, [400]),
}


class Response(NamedTuple):
    """A response; its status is 0 where there is none."""

    status: int
    content: bytes


def received(connection: socket.socket) -> bytes:
    """Return what comes until the connection is closed."""
    pieces = []
    with suppress(ConnectionResetError):  # the service has not read all that was sent
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    return b"".join(pieces)


def response(data: bytes) -> Response:
    """Return the final response at the beginning of some bytes, of status 0 where there is none."""
    while data.startswith(b"HTTP/1.1 100 "):
        data = data.partition(b"\r\n\r\n")[2]
    head, _, content = data.partition(b"\r\n\r\n")
    return Response(int(head.split()[1]) if head else 0, content)


def exchange(address: Address, data: bytes) -> int:
    """Send a request on a connection of its own, and return the status of the response."""
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        with suppress(ConnectionError):  # it may be refused before all is sent
            connection.sendall(data)
        answer = response(received(connection))
    assert answer.status == 200 or len(answer.content) < SHORT
    return answer.status


def insist(address: Address, data: bytes, right: list[int]) -> int:
    """Send a request until there is room for it, as a service that is full asks for; return the last status."""
    for _ in range(TRIES):
        status = exchange(address, data)
        # A refusal of a body that is on its way may be lost with its connection.
        if status in right or status not in REFUSED | {0}:
            return status
        time.sleep(1)
    return 429


def half_close(address: Address) -> int:
    """Send a request and say that it was the last; return the status of the response."""
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(GENERATE)
        connection.shutdown(socket.SHUT_WR)
        return response(received(connection)).status


def stall(address: Address) -> int:
    """Announce a large upload, send all of it but six bytes, and return the status that it ends with."""
    size = SETTINGS.max_body_bytes
    head = request("/encode?label=J").replace(b"Length: 0", b"Length: %d" % size)
    return insist(address, head + bytes(size - 6), [408])


def upgrade(address: Address) -> list[int]:
    """Ask for another protocol, with a body that looks like a request; return the statuses of all responses."""
    body = b"GET /livez HTTP/1.1\r\nHost: glyphvae\r\n\r\n"
    sent = request("/encode?label=J", body, "Connection: Upgrade", "Upgrade: websocket")
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(sent[: -len(body)])
        connection.sendall(body)
        connection.sendall(request("/livez", b"", CLOSE, method="GET"))
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", received(connection))]


def send_half_heads(address: Address) -> Counter[int]:
    """Open many connections that begin a request each, and wait for the end of all."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(HALF_HEADS)]
        for connection in held:
            with suppress(ConnectionError):
                connection.sendall(b"GET /livez HTTP/1.1\r\n")
        return Counter(response(received(connection)).status for connection in held)


def read_barely(address: Address, others: Event) -> int:
    """Ask for long responses and read next to nothing of them until `others` are done; return how many have begun."""
    with ExitStack() as stack:
        held = []
        for _ in range(RELUCTANT):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(PATIENCE)
            connection.connect(address)
            connection.sendall(post("/generate?label=J&n=10000", b"", AS_JSON))
            held.append(connection)
        begun = sum(connection.recv(1000).startswith(b"HTTP/1.1 200 ") for connection in held)
        while not others.wait(0.5):
            for connection in held:
                connection.recv(1000)
        return begun


def read_steadily(address: Address) -> bool:
    """Read a data set a little at a time, anew where a busy service has cut it off; return whether it was complete."""
    for _ in range(TRIES):
        if read_dataset(address):
            return True
        time.sleep(1)
    return False


def read_dataset(address: Address) -> bool:
    size, last = 0, b""
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(post("/dataset", {"count": 10_000, "format": "idx"}))
        while piece := connection.recv(1 << 15):
            size, last = size + len(piece), (last + piece)[-5:]
            time.sleep(0.01)
    return size > 10_000 * 784 and last == b"0\r\n\r\n"


class Honest(NamedTuple):
    """Results of an honest client.

    Attributes:
        rounds: How often it made all of its calls.
        probes: The statuses of the health checks.
        furthest: Grey levels between what was drawn and what ought to be.
        slowness: Times as long as a Python loop took where the bounds were set, in each round.
    """

    rounds: int
    probes: Counter[int]
    furthest: int
    slowness: list[float]


def work_honestly(url: str, others: Event) -> Honest:
    """Make small calls until `others` are done, and check each response."""
    retry = Retry(attempts=TRIES, first=1)
    probes, furthest, slowness = Counter[int](), 0, list[float]()
    with httpx.Client(base_url=url, timeout=PATIENCE) as http, Client(url, timeout=PATIENCE, retry=retry) as client:
        expected = client.generate("J", seed=7).pixels.astype(int)
        while len(slowness) < ROUNDS or not others.is_set():
            probes[http.get("/livez").status_code] += 1
            drawn = client.generate("J", seed=7).pixels
            furthest = max(furthest, int(np.abs(drawn - expected).max()))
            assert client.encode(GLYPH, label="J").labels == ["J"]
            assert picture(client.render_text("HONEST", seed=7).content).max() > 128
            slowness.append(measure_python())
            time.sleep(0.1)
    return Honest(len(slowness), probes, furthest, slowness)


def measure_python() -> float:
    """Return the processor time of a Python loop, in that of the machine where the bounds were set."""
    began = time.thread_time()
    for _ in range(STEPS):
        pass
    return (time.thread_time() - began) / SECONDS


def peak(process: int) -> int:
    """Return the most memory that a process has held so far, in bytes."""
    (kibibytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text("ascii"))
    return int(kibibytes) << 10


def hostile(address: Address, admin: Address) -> Iterator[tuple[str, Hostile, Address]]:
    """Yield everything that is sent, with its name and where to."""
    half_closed = Hostile(4, [200], half_close)
    yield "half-closed", half_closed, address
    yield "asks for an upgrade", Hostile(4, [[415, 200]], upgrade), address
    yield "stalls", Hostile(4, [408], stall), address
    yield "reads steadily", Hostile(1, [True], read_steadily), address
    heads = Counter({408: MAX_CONNECTIONS, 429: HALF_HEADS - MAX_CONNECTIONS})
    yield "half heads", Hostile(1, [heads], send_half_heads), admin
    for name, (sent, clients, right) in COSTLY.items():
        yield name, Hostile(clients, right, insist, (sent, right)), address


@pytest.mark.timeout(900)  # the service is kept busy for all of a slow machine
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited and read as on Linux")
def test_all_at_once_stays_within_the_bounds(admin_port: int) -> None:
    with running("--admin-port", str(admin_port)) as server, ThreadPoolExecutor(100) as threads:
        with server.client() as client:
            assert client.get("/livez").status_code == 200
        resource.prlimit(server.process.pid, resource.RLIMIT_DATA, (LIMIT, LIMIT))
        address, done = ("127.0.0.1", httpx.URL(server.url).port or 0), Event()
        honest = [threads.submit(work_honestly, server.url, done) for _ in range(3)]
        barely = threads.submit(read_barely, address, done)
        tasks = [
            (name, each.right, threads.submit(each.send, to, *each.arguments))
            for name, each, to in hostile(address, ("127.0.0.1", admin_port))
            for _ in range(each.clients)
        ]
        try:
            wrong = [(name, task.result()) for name, right, task in tasks if task.result() not in right]
        finally:
            done.set()
        assert wrong == []
        assert barely.result() == RELUCTANT
        served = [task.result() for task in honest]
        assert min(each.rounds for each in served) >= ROUNDS
        assert {status for each in served for status in each.probes} == {200}
        assert max(each.furthest for each in served) <= 2  # rounding differs with the batch
        assert peak(server.process.pid) < ceiling(SETTINGS)
        slowness = max(1.0, *(median(each.slowness) for each in served))
        check_iterations(samples_of(httpx.get(f"http://127.0.0.1:{admin_port}/metrics").text), slowness)
    assert "Traceback" not in server.log()


def check_iterations(samples: dict[str, float], slowness: float) -> None:
    """Assert that no iteration of the event loop took too long for a machine of that slowness."""
    bound = next(bound for bound in ITERATIONS if bound >= LONGEST * slowness)
    counted = {name: count for name, count in samples.items() if name.startswith("glyphvae_loop_seconds")}
    assert counted["glyphvae_loop_seconds_count"] > 0
    assert counted[f"glyphvae_loop_seconds_bucket {bound}"] == counted["glyphvae_loop_seconds_count"], counted
