import os
import socket
from pathlib import Path

import pytest

from glyphvae.errors import StartError
from glyphvae.files import read_file


def refused(path: Path, most: int = 3) -> str:
    with pytest.raises(StartError) as caught:
        read_file(path, most)
    return str(caught.value)


def test_a_file_is_read_up_to_its_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    (tmp_path / "link").symlink_to(path)
    assert read_file(path, 3) == read_file(tmp_path / "link") == b"abc"
    path.write_bytes(b"abcd")
    assert refused(path) == f"{path}: more than 3 bytes"


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "none") == f"{tmp_path}/none: No such file or directory"
    assert refused(tmp_path) == f"{tmp_path}: Is a directory"


def test_only_regular_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the address of a socket has a hundred characters at most
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        for path in (tmp_path / "fifo", tmp_path / "socket", Path("/dev/zero")):
            assert refused(path) == f"{path}: not a regular file"
