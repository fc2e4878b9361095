import json
from functools import partial
from pathlib import Path

import pytest

from tests.service.commands.test_main import run
from tests.service.imaging.scenes import paper, print_lines
from tests.service.processes import ROOT, running
from tests.service.support import image_file

read = partial(run, "read")


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch, here: None) -> None:  # noqa: ARG001 (writes into the folder)
    """Serve the shipped models, and write two pages."""
    monkeypatch.setenv("GLYPHVAE_MODELS", str(ROOT / "exported"))
    monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "pen")
    for name, text in {"a": "HELLO World", "b": "abc 123"}.items():
        Path(f"{name}.png").write_bytes(image_file(print_lines(paper(200, 800), text)))


def test_the_text_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert read("a.png", "b.png") == 0
    assert capsys.readouterr() == ("HELLO World\nabc 123\n", "")


def test_places_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert read("b.png", "--json", "--top", "1") == 0
    found = json.loads(capsys.readouterr().out)
    assert [word["text"] for word in found["lines"][0]["words"]] == ["abc", "123"]
    assert len(found["lines"][0]["words"][0]["characters"][0]["alternatives"]) == 1


def test_notes_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    picture = print_lines(paper(500, 500), "ABK")
    picture[400:404, 400:404] = 30
    Path("c.png").write_bytes(image_file(picture))
    assert read("c.png", "--labels", "capitals") == 0
    assert capsys.readouterr() == ("ABK\n", "Other pieces of ink were left out: 1.\n")


def test_a_remote_service_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with running("--models", str(ROOT / "exported"), "--device", "cpu") as server:
        assert read("a.png", "--model", "pen", "--url", server.url) == 0
    assert capsys.readouterr().out == "HELLO World\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing.png"], "nothing.png: No such file or directory"),
        (["a.png", "--labels", "unheard!!"], "query.labels: 'unheard!!' is not a label"),
        (["a.png", "--top", "0"], "top: Input should be greater than or equal to 1"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], says: str) -> None:
    message = read(*arguments)
    assert isinstance(message, str)
    assert message.startswith(f"glyphvae: {says}")
    assert "\n" not in message
