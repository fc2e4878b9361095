import io
import tarfile
import zipfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.datasets.archives import Sink, tar_end, tar_member, zip_stream


def test_a_zip_is_read_by_others_and_always_the_same() -> None:
    def archive() -> bytes:
        return b"".join(zip_stream([("a.txt", [b"one ", b"two"]), ("empty", [])]))

    with zipfile.ZipFile(io.BytesIO(archive())) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == {"a.txt": b"one two", "empty": b""}
    assert archive() == archive()


def test_a_zip_is_sent_while_it_is_made() -> None:
    asked: list[int] = []

    def content() -> Iterator[bytes]:
        for number in range(3):
            asked.append(number)
            yield bytes(1000)

    pieces = zip_stream([("zeros", content())])
    assert asked == []
    for number in range(3):
        assert len(next(pieces)) >= 1000
        assert asked == list(range(number + 1))


def test_an_unfinished_zip_is_dropped() -> None:
    pieces = zip_stream([("zeros", [bytes(10), bytes(10)])])
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    with pytest.raises(StopIteration):
        next(pieces)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513])
def test_a_tar_is_read_by_others(size: int) -> None:
    content = bytes(range(256)) * 3
    parts = [*tar_member("folder/a", size, [content[: size // 2], content[size // 2 : size]]), tar_end()]
    with tarfile.open(fileobj=io.BytesIO(b"".join(parts)), mode="r:") as read:
        (member,) = read.getmembers()
        file = read.extractfile(member)
        assert file is not None
        assert (member.name, file.read()) == ("folder/a", content[:size])


@given(st.text("abc/é0123456789.", min_size=1, max_size=120), st.integers(0, 8**11 + 5))
def test_a_tar_header_is_that_of_tarfile(name: str, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    assert next(tar_member(name, size, [])) == info.tobuf(tarfile.GNU_FORMAT)


def test_a_tar_member_may_be_larger_than_the_format_once_allowed() -> None:
    size = 1 << 36
    head = next(tar_member("large", size, []))
    assert tarfile.TarInfo.frombuf(head, "utf-8", "strict").size == size


def test_a_sink_gives_what_was_written_once() -> None:
    sink = Sink()
    assert sink.write(memoryview(b"abc")) == 3
    sink.write(bytearray(b"d"))
    sink.flush()
    assert (sink.take(), sink.take()) == (b"abcd", b"")
    sink.close()
