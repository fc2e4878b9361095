from pathlib import Path

import pytest

from glyphvae.client import File
from glyphvae.client.formats import FONTS, TEXTS
from glyphvae.commands.output import format_of, write
from glyphvae.errors import StartError


@pytest.mark.parametrize(
    ("name", "ending"), [("a.svg", "svg"), ("A.PNG", "png"), ("a.b.webp", "webp"), ("a.pdf", "pdf")]
)
def test_the_ending_decides_the_format(name: str, ending: str) -> None:
    assert format_of(Path(name), TEXTS) == ending


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.jpg", "--output: the ending of 'a.jpg' is none of .ttf, .otf, .woff2"),
        ("a.svg", "--output: the ending of 'a.svg' is none of .ttf, .otf, .woff2"),
        ("ttf", "--output: the ending of 'ttf' is none of .ttf, .otf, .woff2"),
        (".", "--output: the ending of '' is none of .ttf, .otf, .woff2"),
        ("nowhere/a.ttf", "--output: there is no folder 'nowhere'"),
    ],
)
def test_other_endings_and_missing_folders_are_refused(name: str, says: str) -> None:
    with pytest.raises(StartError) as caught:
        format_of(Path(name), FONTS)
    assert str(caught.value) == says


def test_what_was_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    headers = {"glyphvae-folded": "2", "glyphvae-unknown": "1"}
    write(File(b"<svg/>", "image/svg+xml", "pen/1", 7, headers), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == b"<svg/>"
    output = capsys.readouterr()
    assert output.err.removeprefix(f"{tmp_path}/") == (
        "a.svg: 6 bytes by pen/1, seed 7; characters written as others: 2; characters skipped or left blank: 1\n"
    )
    assert output.out == ""
