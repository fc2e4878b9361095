"""Pictures answered without a task, over a real connection: the same answers as the endpoints give."""

import asyncio
import json
import struct
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae.api.uploads import read_small
from glyphvae.errors import NotReady
from glyphvae.formats.png import encode
from glyphvae.models.registry import load_engine
from glyphvae.scheduling.batching import Rows
from glyphvae.settings import Settings
from glyphvae.web.desk import TURNS, Answer
from glyphvae.web.express import _Delivery
from glyphvae.web.hot_path import LONGEST_QUERY
from glyphvae.web.picture_desk import OPEN_TOGETHER, READING, TOGETHER, PictureDesk
from tests.service.desks import Left, Served, request, watched
from tests.service.server.test_server import connect, connections, serving, until
from tests.service.support import grey, image_file, npy
from tests.service.web.test_express import ask, read, same

FIVE = grey(105)[0]
# A stroke on paper, which every way of preprocessing takes.
DRAWN = np.where(np.abs(np.arange(28) - 13.5) < 3, np.uint8(0), np.uint8(255)) * np.ones((28, 1), np.uint8)
J = image_file(DRAWN)


def odd_window() -> bytes:
    """A picture of ours whose compressed data claim a window that there is not, with every sum right."""
    file = encode(DRAWN)
    data = file[41:-16]
    first = 0x88
    data = bytes([first, (-first * 256) % 31]) + data[2:]
    return file[:41] + data + struct.pack(">I", zlib.crc32(b"IDAT" + data)) + file[-12:]


ODD_WINDOW = odd_window()


def post(target: str, body: bytes = J, *headers: str, kind: str = "image/png") -> bytes:
    return request(target, body, kind, *headers)


@pytest.fixture
async def served(repository: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    async with watched(repository, monkeypatch, max_images=4) as both:
        yield both


@pytest.mark.parametrize(
    ("sent", "rows"),
    [
        (post("/encode?label=J&preprocess=none"), 1),
        (post("/encode?label=19&preprocess=none", npy(FIVE), kind="application/x-npy"), 1),
        (post("/encode?label=J", image_file(np.pad(FIVE, 9)), kind="application/octet-stream"), 1),
        (post("/encode?preprocess=none"), 73),
        (post("/encode?preprocess=none", J, "Accept: application/json", "Accept: text/html"), 73),
        (post("/encode?model=vae&preprocess=none"), 1),
        (post("/reconstruct?label=J&preprocess=none"), 2),
        (post("/reconstruct?preprocess=none", J, "Accept: image/*"), 74),
        (post("/reconstruct?preprocess=none&model=vae&scale=3&ink=navy&paper=transparent"), 2),
    ],
)
async def test_an_answer_is_the_endpoint_s(served: Served, sent: bytes, rows: int) -> None:
    server, counted = served
    (answer,) = await ask(server, sent)
    assert counted == [rows]
    server.server_state.express = None
    (expected,) = await ask(server, sent)
    assert counted == [rows]
    assert answer[0] == expected[0] == 200
    assert same(answer[1]) == same(expected[1])
    assert answer[2] == expected[2]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (post("/encode?label=J", J, "Accept: application/x-npy"), 200),
        (post("/reconstruct?label=J&preprocess=none", J, "Accept: application/json"), 200),
        (post("/reconstruct?label=J&preprocess=none&scale=64"), 200),
        (post("/encode?label=J", J, "X-Request-Timeout: 5"), 200),
        (post("/encode?preprocess=none", npy(np.stack([FIVE, FIVE]))), 200),
        (post("/encode?preprocess=none&label=J", image_file(np.zeros((300, 300), np.uint8))), 422),
        (post("/encode", b"--x--\r\n", kind="multipart/form-data; boundary=x"), 400),
        (post("/encode", b"[]", kind="application/json"), 415),
        (post("/encode", b"an image"), 415),
        (post("/encode?label=J", image_file(DRAWN, "JPEG"), kind="image/jpeg"), 200),
        (post("/encode?label=J&preprocess=none", ODD_WINDOW), 400),
        (post("/encode", J[:60]), 400),
        (post("/encode", image_file(grey(0)[0])), 422),
        (post("/encode", b""), 400),
        (post("/encode?label=nothing"), 422),
        (post("/encode?label=J&label=K"), 200),
        (post("/encode?model=none"), 404),
        (post("/encode?label=J", J, "Accept: text/html"), 406),
        (post("/reconstruct?ink=nothing"), 422),
    ],
)
async def test_what_is_not_plain_or_wrong_is_the_endpoint_s_to_answer(served: Served, sent: bytes, status: int) -> None:
    server, counted = served
    (answer,) = await ask(server, sent)
    server.server_state.express = None
    (expected,) = await ask(server, sent)
    assert counted == []
    assert (answer[0], same(answer[1]), answer[2]) == (expected[0], same(expected[1]), expected[2])
    assert answer[0] == status


async def test_a_body_in_pieces_without_a_length_goes_through_asgi(served: Served) -> None:
    head = b"POST /encode?label=J HTTP/1.1\r\nHost: glyphvae\r\nTransfer-Encoding: chunked\r\n\r\n"
    (answer,) = await ask(served[0], head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(J), J))
    assert (answer[0], served[1]) == (200, [])


async def test_a_body_may_come_later_and_in_pieces(served: Served) -> None:
    server, counted = served
    reader, writer = await connect(server)
    sent = post("/encode?label=J&preprocess=none")
    for start in range(0, len(sent), 40):
        writer.write(sent[start : start + 40])
        await asyncio.sleep(0)
    status, _, content = await read(reader)
    assert (status, counted) == (200, [1])
    assert json.loads(content)["encodings"][0]["label"] == "J"
    writer.close()


async def test_a_client_that_leaves_before_its_body_is_counted(served: Served) -> None:
    server, counted = served
    _, writer = await connect(server)
    writer.write(post("/encode?label=J")[:-10])
    await until(lambda: connections(server) and connections(server)[0].when_whole)
    writer.close()
    await until(lambda: server.context.telemetry.refused["gone"])
    assert (counted, server.context.telemetry.requests) == ([], {})


async def test_a_client_that_leaves_after_it_costs_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    server, counted = served
    monkeypatch.setattr(_Delivery, "has_left", lambda _: True)
    _, writer = await connect(server)
    writer.write(post("/encode?label=J"))
    await until(lambda: server.context.telemetry.refused["gone"])
    assert counted == []
    writer.close()


async def test_requests_sent_together_are_answered_in_order(served: Served) -> None:
    targets = ["/encode?label=J", "/reconstruct?label=5", "/encode", "/generate?label=J&seed=1"] * 4
    sent = [post(target).replace(b"mine", b"%d" % index) for index, target in enumerate(targets)]
    sent = [
        request.replace(J, b"").replace(b"Length: %d" % len(J), b"Length: 0") if b"gen" in request else request
        for request in sent
    ]
    answers = await ask(served[0], *sent)
    ids = [line.split(": ")[1] for _, lines, _ in answers for line in lines if line.startswith("x-request-id")]
    assert ids == [str(index) for index in range(16)]
    assert {status for status, _, _ in answers} == {200}


async def test_what_arrives_together_is_one_batch_and_each_gets_its_own(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glyphvae.observability.access_log.FLUSH_SECONDS", 0)
    async with serving(repository, access_log="on", log_format="json") as server:
        express = server.server_state.express
        assert express is not None
        desk = express._desks[0]
        assert isinstance(desk, PictureDesk)
        answers = await asyncio.gather(
            *(ask(server, post(f"/encode?label={label}&preprocess=none")) for label in "ABC")
        )
        assert [json.loads(answer[2])["encodings"][0]["label"] for (answer,) in answers] == ["A", "B", "C"]
        batches = server.context.telemetry.batches["cvae"]
        assert batches.total == 3
        assert server.context.telemetry.requests == {("/encode", 200): 3}
        assert not len(desk._quick)
        await asyncio.sleep(0.01)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "glyphvae.access" in line]
    assert {(line["route"], line["status"], line["model"], line["rows"]) for line in lines} == {
        ("/encode", 200, "cvae/1", 1)
    }
    assert sum(1 / line["batch"] for line in lines) == sum(batches.counts)


@pytest.mark.parametrize("target", ["/encode?label=J", "/reconstruct?label=J", "/encode"])
async def test_a_model_that_fails_is_the_endpoint_s_to_tell(
    served: Served, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, counted = served
    sessions = server.context.engine.get(None).sessions

    def fail(*_: object) -> None:
        raise NotReady("it fails")

    monkeypatch.setattr(sessions, "encode", fail)
    (answer,) = await ask(server, post(target))
    assert (answer[0], counted) == (503, [])
    assert json.loads(answer[2])["detail"] == "it fails"


async def test_one_answer_that_cannot_be_sent_takes_no_other_with_it(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    server, _ = served
    express = server.server_state.express
    assert express is not None
    sent: list[str] = []

    class Caller:
        def __init__(self, name: str) -> None:
            self.name = name

        def has_left(self) -> bool:
            return False

        def send(self, *_: object) -> None:
            if self.name == "broken":
                raise OSError("no space left on device")
            sent.append(self.name)

        def start_over(self) -> None:
            sent.append("over")

    scope = {
        "method": "POST",
        "path": "/encode",
        "query_string": b"label=J&preprocess=none",
        "headers": [(b"content-length", b"%d" % len(J))],
    }
    take = express._desks[0].taker(scope)
    assert take is not None
    for name, body in (("first", J), ("broken", J), ("none", J[:60]), ("last", J)):
        assert take(body, Caller(name))
    await until(lambda: len(sent) == 3)
    assert sent == ["over", "first", "last"]
    assert "an answer was not sent" in caplog.text


@pytest.mark.parametrize(
    ("target", "each"), [("/encode?label=J&preprocess=none", TOGETHER), ("/encode", OPEN_TOGETHER)]
)
async def test_many_at_once_are_all_answered(served: Served, target: str, each: int) -> None:
    server, _ = served
    streams = [await connect(server) for _ in range(TURNS * each + 8)]
    for _, writer in streams:
        writer.write(post(target))
    answers = [await read(reader) for reader, _ in streams]
    assert {status for status, _, _ in answers} == {200}
    for _, writer in streams:
        writer.close()


async def test_where_too_many_wait_it_takes_no_more(served: Served) -> None:
    server, _ = served
    express = server.server_state.express
    assert express is not None
    scope = {"method": "POST", "path": "/encode", "query_string": b"", "headers": [(b"content-length", b"9")]}
    take = express._desks[0].taker(scope)
    assert take is not None

    assert all(take(J, Left()) for _ in range(TURNS * OPEN_TOGETHER))
    assert not take(J, Left())
    await until(lambda: server.context.telemetry.refused["gone"] == TURNS * OPEN_TOGETHER)
    assert take(J, Left())


async def test_what_takes_long_to_read_waits_for_another_turn(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glyphvae.web.picture_desk.READING", 0)
    server, counted = served
    targets = ["/encode?label=J&preprocess=none", "/encode?preprocess=none"] * 3
    answers = await asyncio.gather(*(ask(server, post(target)) for target in targets))
    assert {status for ((status, _, _),) in answers} == {200}
    assert sorted(counted) == [1, 1, 1, 73, 73, 73]
    assert sum(server.context.telemetry.batches["cvae"].counts) == 6


async def test_each_is_read_on_one_turn_alone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that wait for another turn have not been opened yet, so that no picture is opened twice."""
    opened: list[bytes] = []

    def slowly(content: bytes, settings: Settings) -> NDArray[np.uint8] | None:
        opened.append(content)
        time.sleep(READING)
        return read_small(content, settings)

    monkeypatch.setattr("glyphvae.web.picture_desk.read_small", slowly)
    server, counted = served
    answers = await asyncio.gather(*(ask(server, post("/encode?label=J")) for _ in range(TOGETHER)))
    assert {status for ((status, _, _),) in answers} == {200}
    assert len(counted) == len(opened) == TOGETHER


async def test_many_whose_conversion_fails_are_converted_alone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("glyphvae.web.picture_desk.preprocess_many", fail)
    server, counted = served
    answers = await asyncio.gather(*(ask(server, post("/encode?label=J")) for _ in range(8)))
    assert {status for ((status, _, _),) in answers} == {200}
    assert counted == [1] * 8


async def test_where_the_first_has_waited_long_it_takes_no_more(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glyphvae.web.desk.LONGEST_WAIT", -1.0)
    server, _ = served
    express = server.server_state.express
    assert express is not None
    scope = {"method": "POST", "path": "/encode", "query_string": b"", "headers": [(b"content-length", b"9")]}
    take = express._desks[0].taker(scope)
    assert take is not None
    assert take(J, Left())
    assert not take(J, Left())
    await until(lambda: server.context.telemetry.refused["gone"] == 1)
    assert take(J, Left())


async def test_a_limit_on_all_pixels_holds_for_one_picture(repository: Path) -> None:
    async with serving(repository, max_total_pixels=1568) as server:
        (answer,) = await ask(server, post("/encode?label=J", encode(np.zeros((50, 50), np.uint8))))
        assert answer[0] == 422
        assert b"more than 1568 pixels together" in answer[2]


async def test_long_queries_are_not_kept(served: Served) -> None:
    server, _ = served
    express = server.server_state.express
    assert express is not None
    desk = express._desks[0]
    assert isinstance(desk, PictureDesk)
    longest = "&".join(["label=J", *(f"{number}=1" for number in range(100))])
    assert len(longest) > LONGEST_QUERY
    for target in (f"/encode?{longest}", f"/generate?{longest}"):
        await ask(server, post(target, b"" if "generate" in target else J))
    assert not desk._plans
    assert not express._hot_path.kept


async def test_requests_before_and_after_a_reload_have_their_own_models(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, counted = served
    context, express = server.context, server.server_state.express
    assert express is not None
    runs: list[str] = []

    def watch(name: str) -> None:
        sessions = context.engine.get(None).sessions
        encode = sessions.encode

        def encoding(outputs: list[str], feed: dict[str, NDArray[Any]]) -> Rows:
            runs.append(name)
            return encode(outputs, feed)

        monkeypatch.setattr(sessions, "encode", encoding)

    watch("old")
    scope = {
        "method": "POST",
        "path": "/encode",
        "query_string": b"label=J&preprocess=none",
        "headers": [(b"content-length", b"%d" % len(J))],
    }
    old = express._desks[0].taker(scope)
    context.engine = load_engine(context.settings)
    watch("new")
    new = express._desks[0].taker(scope)
    assert old is not None
    assert new is not None
    answered: list[bytes] = []

    class Caller:
        def has_left(self) -> bool:
            return False

        def send(self, answer: Answer) -> None:
            answered.append(answer.content)

        def start_over(self) -> None:
            raise AssertionError

    assert old(J, Caller())
    assert new(J, Caller())
    await until(lambda: len(answered) == 2)
    assert runs == ["old", "new"]
    assert counted == []


async def test_a_model_that_is_not_loaded_is_waited_for(repository: Path) -> None:
    async with serving(repository) as server:
        (answer,) = await ask(server, post("/encode?model=vae&preprocess=none"))
        assert answer[0] == 200
        assert json.loads(answer[2])["model"] == "vae/1"
