import gzip
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from glyphvae_training.data.fetch import EMNIST, MNIST, Original, fetch, originals_of
from glyphvae_training.errors import FetchError

CONTENT = b"the original"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
GZIPPED = gzip.compress(CONTENT)


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(f"gzip/{name}", GZIPPED)
    return buffer.getvalue()


PAGES = {
    "/good/a.gz": GZIPPED,
    "/plain/a.gz": CONTENT,
    "/wrong/a.gz": gzip.compress(b"something else"),
    "/broken/a.gz": GZIPPED[:-3],
    "/both.zip": archive("a.gz", "b.gz"),
    "/half.zip": archive("a.gz"),
    "/text.zip": b"this is no archive",
}


class Mirror(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        content = PAGES.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def mirror() -> Iterator[str]:
    """The address of a server of `PAGES` on this machine."""
    Mirror.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def original(mirror: str, *pages: str, names: tuple[str, ...] = ("a.gz",)) -> Original:
    return Original("sub", dict.fromkeys(names, SHA256), tuple(f"{mirror}{page}" for page in pages))


def test_the_second_mirror_serves_what_the_first_does_not(tmp_path: Path, mirror: str) -> None:
    files = fetch(tmp_path, [original(mirror, "/none/a.gz", "/good/a.gz")])
    assert files == [tmp_path / "sub" / "a.gz"]
    assert gzip.decompress(files[0].read_bytes()) == CONTENT
    assert Mirror.asked == ["/none/a.gz", "/good/a.gz"]
    assert list((tmp_path / "sub").iterdir()) == files


@pytest.mark.parametrize("bad", ["/wrong/a.gz", "/broken/a.gz"])
def test_a_wrong_file_is_not_kept(tmp_path: Path, mirror: str, bad: str) -> None:
    fetch(tmp_path, [original(mirror, bad, "/good/a.gz")])
    assert (tmp_path / "sub" / "a.gz").read_bytes() == GZIPPED


def test_the_checksum_is_of_the_content_however_it_is_wrapped(tmp_path: Path, mirror: str) -> None:
    (file,) = fetch(tmp_path, [original(mirror, "/plain/a.gz")])
    assert file.read_bytes() == CONTENT


def test_an_archive_gives_the_files_that_are_needed(tmp_path: Path, mirror: str) -> None:
    wanted = original(mirror, "/half.zip", "/text.zip", "/both.zip", names=("a.gz", "b.gz"))
    files = fetch(tmp_path, [wanted])
    assert [file.name for file in files] == ["a.gz", "b.gz"]
    assert all(file.read_bytes() == GZIPPED for file in files)


def test_when_all_fail_the_error_says_what_to_do(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(FetchError) as caught:
        fetch(tmp_path, [original(mirror, "/none/a.gz", "/wrong/a.gz", "/broken/a.gz")])
    message = str(caught.value)
    assert message.startswith("a.gz could not be downloaded")
    assert "404" in message
    assert f"instead of {SHA256}" in message
    assert "a.gz arrived damaged" in message
    assert message.endswith(f"Get it elsewhere and put it in {tmp_path / 'sub'}")
    assert not list((tmp_path / "sub").iterdir())


def test_a_mirror_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"a\.gz could not be downloaded \(http://127\.0\.0\.1:1/a\.gz: "):
        fetch(tmp_path, [original("http://127.0.0.1:1", "/a.gz")])


@pytest.mark.parametrize("name", ["a.gz", "a"])
def test_what_is_there_is_not_downloaded(tmp_path: Path, mirror: str, name: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).touch()
    assert fetch(tmp_path, [original(mirror, "/good/a.gz")]) == []
    assert Mirror.asked == []


def test_each_data_set_has_its_own_files(tmp_path: Path) -> None:
    assert originals_of("mnist", tmp_path) == MNIST
    assert originals_of("alphanumeric", tmp_path) == (*MNIST, *EMNIST)
    (tmp_path / "az.csv").touch()
    assert originals_of("alphanumeric", tmp_path) == MNIST
    assert originals_of("byclass", tmp_path) == (*MNIST, *EMNIST)


def test_the_originals_have_more_than_one_mirror() -> None:
    for item in (*MNIST, *EMNIST):
        assert len(set(item.mirrors)) > 1
        assert all(url.startswith("https://") for url in item.mirrors)
