import hashlib
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from glyphvae.errors import StartError
from glyphvae.web import keys
from glyphvae.web.keys import PREFIX, KeyFile, new_key, read_keys

SOON = datetime.now(UTC) + timedelta(days=1)


def line(token: str, **facts: Any) -> str:  # noqa: ANN401 (JSON)
    return json.dumps({"name": "ci", "sha256": hashlib.sha256(token.encode()).hexdigest()} | facts)


def test_a_key_is_256_random_bits_and_only_its_hash_is_kept() -> None:
    (first, fact), (second, _) = (new_key("ci", None, None, ()) for _ in range(2))
    assert first != second
    assert re.fullmatch(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", first)
    assert fact.sha256 == hashlib.sha256(first.encode()).hexdigest()
    assert first.removeprefix(PREFIX) not in fact.model_dump_json()


def test_a_key_is_found_and_any_other_is_not(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(line("one", name="a") + "\n\n" + line("two", name="b", expires=SOON.isoformat()) + "\n")
    known = KeyFile(file)
    for _ in range(2):  # the second time without hashing
        assert [getattr(known.find(token), "name", None) for token in (b"one", b"two", b"three", b"")] == [
            "a",
            "b",
            None,
            None,
        ]


def test_every_key_is_compared_whichever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def counted(one: str, other: str) -> bool:
        compared.append(one)
        return one == other

    monkeypatch.setattr(keys, "compare_digest", counted)
    file = tmp_path / "keys"
    file.write_text("\n".join(line(token, name=token) for token in "abc"))
    for token in (b"a", b"c", b"d"):
        compared.clear()
        KeyFile(file).find(token)
        assert len(compared) == 3


def test_keys_end(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(
        "\n".join([line("one", expires=datetime.now(UTC).isoformat()), line("two", name="b", expires=SOON.isoformat())])
    )
    assert [key.expired for key in read_keys(file)] == [True, False]


@pytest.mark.parametrize(
    ("routes", "path", "opens"),
    [
        ([], "/anything", True),
        (["/models"], "/models", True),
        (["/models"], "/models/cvae", True),
        (["/models"], "/modelsandmore", False),
        (["/models", "/generate"], "/generate", True),
        (["/models"], "/", False),
        (["/models/"], "/models", True),
        (["/models/"], "/models/cvae", True),
        (["/models/"], "/modelsandmore", False),
        (["/"], "/", True),
        (["/"], "/generate", True),
    ],
)
def test_a_key_opens_its_routes(tmp_path: Path, routes: list[str], path: str, opens: bool) -> None:
    file = tmp_path / "keys"
    file.write_text(line("one", routes=routes))
    assert read_keys(file)[0].opens(path) is opens


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("SECRET", "line 1: the line: Invalid JSON"),
        ("\n[]", "line 2: the line: Input should be an object"),
        (line("one", name="a b"), "line 1: name: Input should be 1 to 64 letters"),
        (line("one", sha256="SECRET"), "line 1: sha256: Input should be 64 hexadecimal digits"),
        (line("one", key="SECRET"), "line 1: key: Extra inputs are not permitted"),
        (line("one", rate="SECRET"), "line 1: rate: "),
        (line("one", expires="2030-01-01T00:00:00"), "line 1: expires: Input should have timezone info"),
        (line("one", routes=["generate"]), "line 1: routes.0: "),
        (line("one") + "\n" + line("two"), "two keys have the same name or hash"),
        (line("one") + "\n" + line("one", name="b"), "two keys have the same name or hash"),
    ],
)
def test_a_wrong_file_is_refused_by_line_and_never_quoted(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "keys"
    file.write_text(content)
    with pytest.raises(StartError) as caught:
        KeyFile(file)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{file}")
    assert "SECRET" not in str(caught.value)


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        KeyFile(tmp_path / "keys")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(StartError, match="not a text file"):
        KeyFile(tmp_path / "binary")


def test_a_key_that_is_taken_out_of_the_file_stops_working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "keys"
    file.write_text(line("one"))
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    known = KeyFile(file)
    assert known.find(b"one")
    file.write_text(line("two"))
    os.utime(file, ns=times)  # as `cp -p` may leave it
    assert known.find(b"one")  # not looked at again for a second
    monkeypatch.setattr(keys, "REREAD", 0)
    assert known.find(b"one") is None
    assert known.find(b"two")


@pytest.mark.parametrize("how", ["broken line", "not text", "gone", "FIFO"])
def test_no_key_of_a_broken_file_works_until_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    monkeypatch.setattr(keys, "REREAD", 0)
    file = tmp_path / "keys"
    file.write_text(line("one"))
    known = KeyFile(file)
    assert known.find(b"one")
    file.unlink()
    if how == "broken line":
        file.write_text(line("one") + "\nSECRET")
    elif how == "not text":
        file.write_bytes(line("one").encode() + b"\n\xff")
    elif how == "FIFO":
        os.mkfifo(file)
    for _ in range(3):
        assert known.find(b"one") is None
    assert caplog.text.count(f"no key is accepted: {file}") == 1
    assert "SECRET" not in caplog.text
    file.unlink(missing_ok=True)
    file.write_text(line("one"))
    assert known.find(b"one")


@pytest.mark.parametrize("rate", ["", "often", "5/fortnight"])
def test_a_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(ValidationError):
        new_key("ci", None, rate, ())
