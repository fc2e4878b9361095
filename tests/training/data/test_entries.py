import gzip
import zipfile
from pathlib import Path

import pytest

from glyphvae_training.data.entries import DataFolder, Entry
from glyphvae_training.errors import DataError, DataMissingError

CONTENT = b"characters " * 100


def archive(path: Path, **members: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/"), content)
    return path


def only(folder: Path, pattern: str) -> Entry:
    (entry,) = DataFolder(folder).all(pattern)
    return entry


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_gzip_is_told_by_content_and_not_by_name(tmp_path: Path, name: str) -> None:
    for content in (CONTENT, gzip.compress(CONTENT)):
        (tmp_path / name).write_bytes(content)
        assert only(tmp_path, "images").read() == CONTENT


def test_files_are_found_at_any_depth_and_in_archives(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "c" / "a.csv").write_bytes(CONTENT)
    (tmp_path / "b" / "link.csv").symlink_to("nowhere")
    path = archive(tmp_path / "a" / "archive.ZIP", sub__a=b"other", sub__b=gzip.compress(CONTENT), __MACOSX___x=b"")
    folder = DataFolder(tmp_path)
    assert [str(entry) for entry in folder.entries] == [
        str(path),
        str(tmp_path / "b" / "c" / "a.csv"),
        f"/MACOSX/_x in {path}",
        f"sub/a in {path}",
        f"sub/b in {path}",
    ]
    assert [entry.name for entry in folder.entries] == ["archive.ZIP", "a.csv", "_x", "a", "b"]
    assert folder.entries[-1].read() == CONTENT
    first = folder.first("nothing", r"[ab]\.csv", "a")
    assert first is not None
    assert first.name == "a.csv"
    assert folder.first("nothing") is None


def test_files_that_macos_adds_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "._a.csv").touch()
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as file:
        file.writestr("__MACOSX/._a.csv", b"")
        file.writestr("a.csv", b"")
    assert len(DataFolder(tmp_path).all(r".*\.csv")) == 1


def test_the_home_folder_may_be_abbreviated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "Downloads").mkdir()
    assert DataFolder(Path("~/Downloads")).path == tmp_path / "Downloads"


def test_what_is_not_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match=f"{tmp_path / 'data'} is not a folder"):
        DataFolder(tmp_path / "data")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(CONTENT)[:-9])
    with pytest.raises(DataError, match=r"a\.gz is damaged or cannot be read"):
        only(tmp_path, "a").read()
    path = archive(tmp_path / "archive.zip", b=CONTENT)
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF  # in the compressed data
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"b in {path} is damaged or cannot be read"):
        only(tmp_path, "b").read()


def test_an_incomplete_archive_is_remembered(tmp_path: Path) -> None:
    path = archive(tmp_path / "archive.zip", a=CONTENT)
    path.write_bytes(path.read_bytes()[:-30])
    assert DataFolder(tmp_path).broken == [path]


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "archive.zip", a=CONTENT)
    content = bytearray(path.read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"a in {path} cannot be unpacked: .*password"):
        only(tmp_path, "a").read()
