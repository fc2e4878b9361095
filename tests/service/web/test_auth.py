import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fakeredis
import httpx
import pytest
import redis.asyncio

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.errors import Forbidden, StartError, TooManyRequests, Unauthorized
from glyphvae.web.keys import new_key
from tests.service.support import caller, expect_problem, lifespan

TOKENS: dict[str, str] = {}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    facts: dict[str, tuple[datetime | None, str | None, tuple[str, ...]]] = {
        "any": (None, None, ()),
        "ended": (datetime(2020, 1, 1, tzinfo=UTC), None, ()),
        "narrow": (None, None, ("/generate", "/models")),
        "slow": (None, "3/day", ()),
        "other": (None, "3/day", ()),
    }
    lines = []
    for name, fact in facts.items():
        TOKENS[name], key = new_key(name, *fact)
        lines.append(key.model_dump_json())
    path.write_text("\n".join(lines))
    return path


def keyed(context: Context, file: Path, **settings: Any) -> Context:  # noqa: ANN401 (as settings are)
    return Context(context.settings.model_copy(update={"keys": file} | settings), context.registry)


@pytest.fixture
def gated(context: Context, file: Path) -> Context:
    return keyed(context, file)


@pytest.fixture
async def client(gated: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(create_app(gated)) as client:
        yield client


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {TOKENS[name]}"}


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_health_is_open(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/playground", "/playground/app.js", "/models", "/models/cvae", "/nothing"]
)
async def test_everything_else_is_closed(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    expect_problem(response, Unauthorized, "Send a key: `Authorization: Bearer ...`.")
    assert response.headers["www-authenticate"] == 'Bearer realm="glyphvae"'
    assert (await client.get(path, headers=bearer("any"))).status_code in {200, 404}


@pytest.mark.parametrize("path", ["/generate?label=J", "/generate?label=J&seed=1", "/encode", "/render-text"])
async def test_nothing_is_done_without_a_key(client: httpx.AsyncClient, gated: Context, path: str) -> None:
    expect_problem(await client.post(path), Unauthorized, "Send a key")
    assert gated.telemetry.refused["key"] == 1
    assert not gated.telemetry.batches


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic {any}", "{any}", "Bearer {any}x", "Bearer wrong", "Bearer \xe9"]
)
async def test_what_is_no_key_is_refused(client: httpx.AsyncClient, value: str) -> None:
    sent = value.format(**TOKENS).encode("latin-1")
    response = await client.get("/models", headers=[(b"authorization", sent)])
    expect_problem(response, Unauthorized, "")
    assert response.headers["www-authenticate"].startswith('Bearer realm="glyphvae"')
    assert TOKENS["any"] not in response.text


async def test_two_keys_at_once_are_none(client: httpx.AsyncClient) -> None:
    headers = [("authorization", f"Bearer {TOKENS[name]}") for name in ("any", "slow")]
    expect_problem(await client.get("/models", headers=headers), Unauthorized, "Send a key")


async def test_the_scheme_may_be_written_in_any_case(client: httpx.AsyncClient) -> None:
    for scheme in ("bearer", "BEARER"):
        headers = {"authorization": f"{scheme} {TOKENS['any']}"}
        assert (await client.post("/generate?label=J", headers=headers)).status_code == 200


async def test_an_expired_key_is_named_as_such(client: httpx.AsyncClient) -> None:
    response = await client.get("/models", headers=bearer("ended"))
    expect_problem(response, Unauthorized, "The key 'ended' has expired.")
    assert response.headers["www-authenticate"] == 'Bearer realm="glyphvae", error="invalid_token"'


async def test_a_key_for_some_routes_opens_no_others(client: httpx.AsyncClient) -> None:
    assert (await client.post("/generate?label=J", headers=bearer("narrow"))).status_code == 200
    assert (await client.get("/models/cvae", headers=bearer("narrow"))).status_code == 200
    for path in ("/encode", "/render-text", "/generate/../encode"):
        response = await client.post(path, headers=bearer("narrow"))
        expect_problem(response, Forbidden, "The key 'narrow' opens only /generate, /models.")
        assert response.headers["www-authenticate"] == 'Bearer realm="glyphvae", error="insufficient_scope"'


async def test_a_key_has_its_rate(client: httpx.AsyncClient, gated: Context) -> None:
    for left in (2, 1, 0):
        response = await client.post("/generate?label=J", headers=bearer("slow"))
        assert response.status_code == 200
        assert (response.headers["ratelimit-limit"], response.headers["ratelimit-remaining"]) == ("3", str(left))
    response = await client.post("/generate?label=J", headers=bearer("slow"))
    expect_problem(response, TooManyRequests, "The key 'slow' may make 3/day requests.")
    assert 1 <= int(response.headers["retry-after"]) <= 86_400
    assert response.headers["ratelimit-reset"] == response.headers["retry-after"]
    assert response.headers["ratelimit-remaining"] == "0"
    assert gated.telemetry.refused["rate"] == 1
    # Others are not affected.
    assert (await client.post("/generate?label=J", headers=bearer("other"))).status_code == 200
    assert "ratelimit-limit" not in (await client.post("/generate?label=J", headers=bearer("any"))).headers


@pytest.fixture
def redis_server(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a Redis, Lua and all, that runs in this process."""
    server = fakeredis.FakeServer()

    def connected(_: str) -> fakeredis.FakeAsyncRedis:
        return fakeredis.FakeAsyncRedis(server=server)

    monkeypatch.setattr(redis.asyncio.Redis, "from_url", connected)
    return "redis://redis.example:6379/0"


async def test_rates_are_counted_together_in_redis(context: Context, file: Path, redis_server: str) -> None:
    """Two replicas share what a key may do."""
    status = []
    for _ in range(2):
        app = create_app(keyed(context, file, rate_storage=redis_server))
        async with caller(app) as client:
            status += [(await client.post("/generate?label=J", headers=bearer("slow"))).status_code for _ in range(2)]
    assert status == [200, 200, 200, 429]


def test_an_address_that_is_none_stops_the_start(context: Context, file: Path) -> None:
    with pytest.raises(StartError, match="setting GLYPHVAE_RATE_STORAGE: Missing host or port"):
        create_app(keyed(context, file, rate_storage="redis://nowhere"))


async def test_without_redis_keys_still_work(context: Context, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(keyed(context, file, rate_storage="redis://127.0.0.1:1/0"))
    async with caller(app) as client:
        assert (await client.post("/generate?label=J", headers=bearer("slow"))).status_code == 200
        assert (await client.post("/generate?label=J")).status_code == 401
    assert "rates are not counted: ConnectionError" in caplog.text


async def test_the_log_names_the_key_and_never_shows_it(
    context: Context, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(keyed(context, file, access_log="on", log_format="json"))
    async with caller(app) as client:
        await client.post("/generate?label=J", headers=bearer("any"))
        await client.post("/generate?label=J", headers={"authorization": "Bearer SECRET"})
    await lifespan(app)
    known, unknown = map(json.loads, capsys.readouterr().err.splitlines())
    assert (known["key"], known["status"]) == ("any", 200)
    assert (unknown["key"], unknown["status"]) == (None, 401)
    assert TOKENS["any"] not in str(known)
    assert "SECRET" not in str(unknown)


@pytest.mark.parametrize("origin", ["https://a.example", "https://b.example:8443"])
async def test_listed_origins_may_call_with_a_key(context: Context, file: Path, origin: str) -> None:
    own = keyed(context, file, cors_origins="https://a.example,https://b.example:8443")
    async with caller(create_app(own)) as client:
        asked = {"origin": origin, "access-control-request-method": "POST"}
        asked["access-control-request-headers"] = "authorization,content-type,x-request-timeout"
        response = await client.options("/generate", headers=asked)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == origin
        response = await client.post("/generate?label=J", headers=bearer("any") | {"origin": origin})
        assert response.headers["access-control-allow-origin"] == origin
        assert response.headers["access-control-expose-headers"] == "*"
        assert "origin" in response.headers["vary"].lower()
        # A page can read why it was refused.
        response = await client.post("/generate?label=J", headers={"origin": origin})
        expect_problem(response, Unauthorized, "")
        assert response.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in response.headers


async def test_no_other_origin_may_call(context: Context, file: Path) -> None:
    for settings in ({}, {"cors_origins": "https://a.example"}):
        async with caller(create_app(keyed(context, file, **settings))) as client:
            asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
            for response in (
                await client.options("/generate", headers=asked),
                await client.post("/generate?label=J", headers=bearer("any") | asked),
            ):
                assert "access-control-allow-origin" not in response.headers
