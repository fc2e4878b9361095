"""Short texts written without a task, over a real connection: the same answers as `/render-text` gives."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from glyphvae.errors import NotReady
from glyphvae.web.desk import TURNS, Answer
from glyphvae.web.express import _Delivery
from glyphvae.web.text_desk import TOGETHER, TextDesk
from tests.service.desks import Left, Served, request, watched
from tests.service.server.test_server import connect, serving, until
from tests.service.support import picture
from tests.service.web.test_express import ask, read, same


def post(body: object = b"", *headers: str, target: str = "/render-text", kind: str = "application/json") -> bytes:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return request(target, content, kind, *headers)


@pytest.fixture
async def served(repository: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    async with watched(repository, monkeypatch) as both:
        yield both


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ({"text": "HI 5", "seed": 7}, 3),
        ({"text": "Hello\nWorld", "seed": 7, "width": 120, "align": "centre", "scale": 1}, 10),
        ({"text": "A?B", "seed": 0, "unknown": "blank", "ink": "navy", "paper": "transparent"}, 2),
        ({"text": "  ", "seed": 1}, 0),
        ({"text": "AB", "seed": 3, "z": [1, None, -1], "temperature": 0, "variation": 0, "scale": 5}, 2),
    ],
)
async def test_an_answer_is_the_endpoint_s(served: Served, text: dict[str, object], rows: int) -> None:
    server, counted = served
    (answer,) = await ask(server, post(text))
    assert counted == [rows]
    server.server_state.express = None
    (expected,) = await ask(server, post(text))
    assert counted == [rows]
    assert answer[0] == expected[0] == 200
    assert same(answer[1]) == same(expected[1])
    assert answer[2] == expected[2]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (post({"text": "HI", "seed": 1}, "Accept: application/json"), 200),
        (post({"text": "HI", "seed": 1}, "X-Request-Timeout: 5"), 200),
        (post({"text": "HI", "seed": 1, "scale": 64}), 200),
        (post({"text": "HI" * 40, "seed": 1, "width": 400}), 200),
        (post({"text": "HI" * 16, "seed": 1, "line_height": 200, "width": 60}), 200),
        (post({"text": "HI", "z": [[]]}), 422),
        (post({"text": "HI", "seed": 1}, target="/render-text?x=1"), 200),
        (post({"text": "HI"}, kind="text/plain"), 415),
        (post({"text": "HI"}).replace(b"Content-Type: application/json\r\n", b""), 415),
        (post({"text": "HI"}, "Accept: text/html"), 406),
        (post({"text": "é"}), 422),
        (post({"text": "HI", "width": 30}), 422),
        (post({"text": "HI", "model": "vae"}), 422),
        (post({"text": "HI", "model": "none"}), 404),
        (post({"text": "HI", "ink": "none"}), 422),
        (post({"text": ""}), 422),
        (post(b'{"text": "HI"'), 400),
        (post(b"[]"), 422),
        (post(b"\xff"), 400),
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


async def test_a_text_without_a_seed_is_new_each_time_and_its_seed_reproduces_it(served: Served) -> None:
    server, counted = served
    answers = [(await ask(server, post({"text": "HI"})))[0] for _ in range(3)]
    assert len({content for _, _, content in answers}) == 3
    for _, lines, content in answers:
        (seed,) = (int(line.split(": ")[1]) for line in lines if line.startswith("glyphvae-seed"))
        assert (await ask(server, post({"text": "HI", "seed": seed})))[0][2] == content
    assert counted == [2] * 6


async def test_texts_that_arrive_together_are_one_batch_and_each_gets_its_own(served: Served) -> None:
    server, counted = served
    texts = [{"text": letter * size, "seed": size} for size, letter in enumerate("ABCDE", 1)]
    alone = [(await ask(server, post(text)))[0][2] for text in texts]
    streams = [await connect(server) for _ in texts]
    for (_, writer), text in zip(streams, texts, strict=True):
        writer.write(post(text))
    assert [(await read(reader))[2] for reader, _ in streams] == alone
    assert sorted(counted) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    for _, writer in streams:
        writer.close()


async def test_many_at_once_are_all_answered(served: Served) -> None:
    server, _ = served
    streams = [await connect(server) for _ in range(TURNS * TOGETHER + 9)]
    for _, writer in streams:
        writer.write(post({"text": "HI"}))
    answers = [await read(reader) for reader, _ in streams]
    assert {status for status, _, _ in answers} == {200}
    assert {picture(content).ndim for _, _, content in answers} == {2}
    for _, writer in streams:
        writer.close()


async def test_it_takes_no_more_than_a_few_turns_are_full_of(served: Served) -> None:
    server, _ = served
    express = server.server_state.express
    assert express is not None
    (desk,) = (desk for desk in express._desks if isinstance(desk, TextDesk))
    body = b'{"text":"HI"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    take = desk.taker({"method": "POST", "path": "/render-text", "query_string": b"", "headers": headers})
    assert take is not None

    assert all(take(body, Left()) for _ in range(TURNS * TOGETHER))
    assert not take(body, Left())
    await until(lambda: server.context.telemetry.refused["gone"] == TURNS * TOGETHER)


async def test_where_the_first_has_waited_long_the_others_take_the_queue(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glyphvae.web.desk.LONGEST_WAIT", -1.0)
    server, counted = served
    streams = [await connect(server) for _ in range(5)]
    for _, writer in streams:
        writer.write(post({"text": "HI", "seed": 3}))
    answers = [await read(reader) for reader, _ in streams]
    assert {(status, content) for status, _, content in answers} == {(200, answers[0][2])}
    assert 1 <= len(counted) <= 5
    for _, writer in streams:
        writer.close()


async def test_a_model_that_fails_is_the_endpoint_s_to_tell(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    server, counted = served

    def fail(*_: object) -> None:
        raise NotReady("it fails")

    monkeypatch.setattr(server.context.engine.get(None).sessions, "decode", fail)
    (answer,) = await ask(server, post({"text": "HI"}))
    assert (answer[0], counted) == (503, [])
    assert json.loads(answer[2])["detail"] == "it fails"


async def test_one_answer_that_cannot_be_sent_takes_no_other_with_it(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server, counted = served
    send = _Delivery.send

    def sending(delivery: _Delivery, answer: Answer) -> None:
        if any(value == b"broken" for _, value in delivery.scope["headers"]):
            raise OSError("no space left on device")
        send(delivery, answer)

    monkeypatch.setattr(_Delivery, "send", sending)
    broken, whole = await connect(server), await connect(server)
    broken[1].write(post({"text": "HI"}).replace(b"mine", b"broken"))
    whole[1].write(post({"text": "HI"}))
    assert (await read(whole[0]))[0] == 200
    await until(lambda: "an answer was not sent" in caplog.text)
    assert counted == [2]
    for _, writer in (broken, whole):
        writer.close()


async def test_a_model_that_is_not_loaded_is_waited_for(repository: Path) -> None:
    async with serving(repository, default_model="vae") as server:
        (answer,) = await ask(server, post({"text": "HI", "model": "cvae"}))
        assert answer[0] == 200


@pytest.mark.parametrize(
    "text",
    [
        {"text": "HI" * 30},
        {"text": "HI", "scale": 30},
        {"text": "HI", "margin": 900},
        {"text": "HI", "width": 60_000},
        {"text": "H\nI\n" * 9, "line_height": 200},
    ],
)
async def test_a_large_picture_is_not_begun(
    served: Served, text: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, counted = served

    def decode(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(server.context.engine.get(None), "decode_now", decode)
    (answer,) = await ask(server, post(text))
    assert (answer[0], counted) == (200, [])
