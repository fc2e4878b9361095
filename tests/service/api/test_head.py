import pytest

from glyphvae.api.head import LONGEST_ID, RawHeaders, RequestHeaders, path_of


def headers_of(*pairs: tuple[bytes, bytes]) -> RequestHeaders:
    return RequestHeaders(list(pairs))


def test_the_headers_that_matter_are_read_and_all_are_measured() -> None:
    headers: RawHeaders = [
        (b"host", b"glyphvae"),
        (b"accept", b"image/png"),
        (b"content-type", b"application/json"),
        (b"content-length", b"12"),
        (b"x-request-timeout", b"2"),
        (b"origin", b"https://a.example"),
        (b"authorization", b"Bearer a"),
        (b"x-request-id", b"mine-1"),
        (b"traceparent", b"00-1-2-01"),
        (b"tracestate", b"a=b"),
    ]
    read = RequestHeaders(headers)
    assert read.pairs == headers
    assert read.size == sum(len(name) + len(value) for name, value in headers)
    assert (read.accept, read.content_type, read.is_json) == ("image/png", "application/json", True)
    assert (read.length, read.authorization, read.id) == (12, ["Bearer a"], b"mine-1")
    assert read.trace == {"traceparent": "00-1-2-01", "tracestate": "a=b"}
    assert (read.timeout, read.origin, read.last(b"range")) == ("2", "https://a.example", "")


def test_repeated_headers_are_read_as_one() -> None:
    repeated = headers_of(
        (b"accept", b"text/html"),
        (b"accept", b"application/json"),
        (b"content-type", b"image/png"),
        (b"content-type", b"Application/JSON"),
        (b"authorization", b"Bearer a"),
        (b"authorization", b"Bearer b"),
    )
    assert repeated.accept == "text/html, application/json"
    assert (repeated.content_type, repeated.content_types, repeated.is_json) == ("image/png", 2, False)
    assert repeated.authorization == ["Bearer a", "Bearer b"]
    assert repeated.last(b"content-type") == "Application/JSON"


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ([], 0),
        ([(b"content-length", b"0")], 0),
        ([(b"content-length", b"7")], 7),
        ([(b"content-length", b"-7")], 0),
        ([(b"transfer-encoding", b"chunked")], None),
        ([(b"content-length", b"7"), (b"transfer-encoding", b"chunked")], None),
        ([(b"transfer-encoding", b"chunked"), (b"content-length", b"7")], None),
    ],
)
def test_a_body_is_announced_by_its_length_or_in_chunks(headers: RawHeaders, length: int | None) -> None:
    assert RequestHeaders(headers).length == length


@pytest.mark.parametrize("sent", [b"", b"x" * (LONGEST_ID + 1), b"two words", b"a\nb", b"\xc3\xa4", b'"'])
def test_an_id_that_no_log_can_hold_is_left_out(sent: bytes) -> None:
    assert headers_of((b"x-request-id", sent)).id is None
    assert headers_of((b"x-request-id", sent), (b"x-request-id", b"mine")).id == b"mine"
    assert headers_of((b"x-request-id", b"mine"), (b"x-request-id", b"other")).id == b"mine"


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/generate", "", "/generate"),
        ("/a/generate", "/a", "/generate"),
        ("/a", "/a", "/"),
        ("/b", "/a", "/b"),
        ("/ab", "/a", "/ab"),
    ],
)
def test_a_path_begins_where_the_application_is_mounted(path: str, root: str, below: str) -> None:
    assert path_of({"path": path, "root_path": root}) == below


def test_a_scope_need_not_say_where_it_is_mounted() -> None:
    assert path_of({"path": "/generate"}) == "/generate"
