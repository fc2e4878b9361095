import io
from functools import partial
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from glyphvae.writer import Writer
from tests.service.commands.conftest import ServePen
from tests.service.commands.test_main import run
from tests.service.imaging.scenes import paper, print_lines
from tests.service.processes import ROOT, running
from tests.service.support import context_of, grey, image_file

LABELS = ("A", "B", "C", "D", "e")
hand, font = partial(run, "hand", "--preprocess", "none"), partial(run, "font")
OF_A, OF_B = ("--preprocess", "none", "--from", "a.png", "--label", "A"), ("--from", "b.png", "--label", "B")


@pytest.fixture(autouse=True)
def pen(serve_pen: ServePen) -> Path:
    """Write a model that draws strokes, the default of commands, and letters: A and B of z[0] = 1, and C of 2."""
    folder = serve_pen(*LABELS)
    for name, level in {"a": 110, "b": 111, "c": 142}.items():
        Path(f"{name}.png").write_bytes(image_file(grey(level)[0]))
    return folder


def found(folder: Path, levels: tuple[int, ...], labels: list[str]) -> str:
    writer = Writer(context=context_of(folder))
    return writer.hand(grey(*levels), labels, preprocess="none").hand


def test_the_hand_of_letters_is_printed(pen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert hand("a.png", "b.png", "--label", "A", "--label", "B") == 0
    output = capsys.readouterr()
    assert output.out == f"{found(pen, (110, 111), ['A', 'B'])}\n"
    assert output.err.startswith(f"hand {output.out.strip()} of A B by pen/1, certainty 0.")
    assert output.err.count("\n") == 1


def test_a_letter_that_disagrees_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert hand("a.png", "b.png", "c.png", "--label", "A", "--label", "B", "--label", "C") == 0
    assert capsys.readouterr().err.splitlines()[1:] == ["c.png: this C is unlike the others"]


def test_a_photograph_of_a_line_gives_a_hand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GLYPHVAE_MODELS", str(ROOT / "exported"))
    picture = print_lines(paper(200, 700), "RageHxnkb", gap=12)
    (tmp_path / "line.png").write_bytes(image_file(picture))
    assert run("hand", "line.png", "--sheet", "--labels", "letters") == 0
    capsys.readouterr()
    monkeypatch.setattr("glyphvae.operations.hand.DISAGREEMENT", 0)
    assert run("hand", "line.png", "--text", "RageHxnkb") == 0
    output = capsys.readouterr()
    assert len(output.out.strip()) == 28
    assert " of R a g e H x n k b by pen/1" in output.err
    assert output.err.splitlines()[1].startswith("letter ")


def test_labels_are_found_where_none_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert hand("a.png", "--labels", "A") == 0
    assert " of A by pen/1" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["ttf", "otf", "woff2"])
def test_letters_become_a_font(pen: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"My.{ending}"
    assert font(*OF_A, *OF_B, "-o", name, "--seed", "7", "--family", "My Hand", "--designer", "Ada") == 0
    text = found(pen, (110, 111), ["A", "B"])
    made = Writer(context=context_of(pen)).font(hand=text, seed=7, family="My Hand", designer="Ada", format=ending)  # type: ignore[arg-type]
    assert Path(name).read_bytes() == made.content
    assert TTFont(io.BytesIO(made.content))["name"].getBestFamilyName() == "My Hand"
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith(f"hand {text} of A B by pen/1")
    assert said[1] == f"{name}: {len(made.content)} bytes by pen/1, seed 7"


def test_a_hand_and_a_seed_become_fonts(pen: Path) -> None:
    text = found(pen, (110, 111), ["A", "B"])
    assert font("--hand", text, "--seed", "7", "-o", "hand.ttf") == 0
    assert font(*OF_A, *OF_B, "--seed", "7", "-o", "letters.ttf") == 0
    assert font("--seed", "7", "-o", "seed.ttf") == 0
    files = [Path(f"{name}.ttf").read_bytes() for name in ("hand", "letters", "seed")]
    assert files[0] == files[1] != files[2]


def test_a_seed_that_was_drawn_repeats_the_font(capsys: pytest.CaptureFixture[str]) -> None:
    assert font("-o", "a.ttf") == 0
    assert font("-o", "b.ttf", "--seed", capsys.readouterr().err.split()[-1]) == 0
    assert Path("a.ttf").read_bytes() == Path("b.ttf").read_bytes()


def test_a_remote_service_makes_the_same(pen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running("--models", str(pen), "--device", "cpu", "--request-timeout", "60") as server:
        for url in ((), ("--url", server.url)):
            assert font(*OF_A, *OF_B, "--seed", "7", "-o", f"{len(url)}.ttf", *url) == 0
            assert hand("a.png", "--label", "A", *url) == 0
    assert Path("0.ttf").read_bytes() == Path("2.ttf").read_bytes()
    assert len(set(capsys.readouterr().out.split())) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "a.svg"], "--output: the ending of 'a.svg' is none of .ttf, .otf, .woff2"),
        (["-o", "nowhere/a.ttf"], "--output: there is no folder 'nowhere'"),
        (["--hand", "x", "--from", "a.png"], "--hand cannot be combined with --from, whose pictures give the hand"),
        (["--label", "A"], "--label needs --from, the picture that it describes"),
        (["--from", "nothing.png"], "nothing.png: No such file or directory"),
        (["--from", "a.png", "--label", "?"], "query.label: '?' is not a label"),
        (["--hand", "x"], "body.hand: 'x' is no hand"),
        (["--family", ""], "family: String should have at least 1 character"),
        (["--model", "gan"], "There is no model 'gan'"),
        (["--url", "http://127.0.0.1:1", "--models", "."], "--models cannot be combined with --url"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], says: str) -> None:
    message = font("-o", "hand.ttf", *arguments)
    assert isinstance(message, str)
    assert message.startswith(f"glyphvae: {says}")
    assert "\n" not in message
    assert not Path("hand.ttf").exists()


def test_a_model_without_a_hand_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "cvae")
    message = hand("a.png", "--models", str(repository))
    assert isinstance(message, str)
    assert message.startswith("glyphvae: query.model: ")
