"""Forwarded headers count from trusted proxies alone."""

from typing import Any

import pytest

from glyphvae.server.forwarded import TrustedProxies


def scope(client: tuple[str, int] | None, *headers: tuple[str, str]) -> Any:  # noqa: ANN401 (as ASGI has it)
    pairs = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http", "client": client, "scheme": "http", "root_path": "", "headers": pairs}


@pytest.mark.parametrize(
    ("names", "client", "believed"),
    [
        ("127.0.0.1", ("127.0.0.1", 5), True),
        ("127.0.0.1", ("127.0.0.2", 5), False),
        ("10.0.0.0/8, ::1", ("10.1.2.3", 5), True),
        ("10.0.0.0/8, ::1", ("::1", 5), True),
        ("127.0.0.1", None, False),
        ("unix", None, True),
        ("unix", ("127.0.0.1", 5), False),
        ("*", ("192.0.2.1", 5), True),
        ("*", None, True),
    ],
)
def test_those_that_are_named_are_believed(names: str, client: tuple[str, int] | None, believed: bool) -> None:
    assert TrustedProxies(names).believes(client) is believed


def test_they_say_who_asks_how_and_below_which_path() -> None:
    told = scope(
        ("127.0.0.1", 5),
        ("x-forwarded-for", "192.0.2.66, 192.0.2.1, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/hw/"),
    )
    TrustedProxies("127.0.0.1").apply(told)
    assert (told["client"][0], told["scheme"], told["root_path"]) == ("192.0.2.1", "https", "/hw")


def test_through_a_unix_domain_socket_they_say_it_too() -> None:
    told = scope(None, ("x-forwarded-for", "192.0.2.66, 192.0.2.1"))
    TrustedProxies("unix").apply(told)
    assert told["client"][0] == "192.0.2.1"


@pytest.mark.parametrize("prefix", ["", "/", "hw", "//evil.example", "https://evil.example", "/a b", "/a\\b"])
def test_what_is_no_path_is_no_prefix(prefix: str) -> None:
    told = scope(("127.0.0.1", 5), ("x-forwarded-prefix", prefix))
    TrustedProxies("127.0.0.1").apply(told)
    assert told["root_path"] == ""
