import asyncio
import re
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from glyphvae.client import calls
from glyphvae.models.hand_string import write_hand
from glyphvae.models.manifest import read_manifest
from glyphvae.writer import Writer
from tests.service.commands.conftest import ServePen
from tests.service.commands.test_main import run as run_command
from tests.service.operations.test_font import LABELS
from tests.service.processes import Server
from tests.service.support import context_of, picture

run = partial(run_command, "render")


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ("", {}),
        ("--z 1,,-1 --variation 0.5 --model cvae", {"z": [1, None, -1], "variation": 0.5}),
        ("--width 120 --align right --scale 3", {"width": 120, "align": "right", "scale": 3}),
        ("--ink navy --paper transparent", {"ink": "navy", "paper": "transparent"}),
        ("--unknown skip --case upper --drift 0", {"unknown": "skip", "case": "upper", "drift": 0}),
        ("--letter-gap 9 --word-space 30 --line-height 40", {"letter_gap": 9, "word_space": 30, "line_height": 40}),
        ("--margin 0 --temperature 0", {"margin": 0, "temperature": 0}),
    ],
)
async def test_a_text_is_rendered_as_the_service_renders_it(
    client: httpx.AsyncClient, real_server: Server, tmp_path: Path, options: str, order: dict[str, object]
) -> None:
    expected = await client.post("/render-text", json={"text": "TO AND\nFRO", "seed": 7} | order)
    for url in ([], ["--url", real_server.url]):
        arguments = ("TO AND\nFRO", "-o", "a.png", "--seed", "7", *options.split(), *url)
        assert await asyncio.to_thread(run, *arguments) == 0
        assert (tmp_path / "a.png").read_bytes() == expected.content


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["HELLO!"], "422: body.text: The character '!'"),
        (["HELLO", "--z", "1,2,3,4,5,6,7"], "422: body.z: 7 latents were given; allowed: at most 6"),
        (["HELLO", "--models", "."], "--models cannot be combined with --url"),
    ],
)
def test_a_refusal_of_a_remote_service_is_one_line(real_server: Server, arguments: list[str], says: str) -> None:
    message = run(*arguments, "-o", "hello.png", "--url", real_server.url)
    assert isinstance(message, str)
    assert message.startswith(f"glyphvae: {says}")


def test_without_a_seed_each_picture_is_new() -> None:
    for name in ("a.png", "b.png"):
        assert run("HELLO", "-o", name) == 0
    pictures = [picture(Path(name).read_bytes()) for name in ("a.png", "b.png")]
    assert pictures[0].shape != pictures[1].shape or (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["HELLO!"], "body.text: The character '!' (U+0021 EXCLAMATION MARK) at position 5 cannot be written"),
        (["HELLO", "--model", "gan"], "There is no model 'gan'; served are: cvae, vae."),
        (["HELLO", "--model", "vae"], "body.model: model 'vae' has no labels, so it cannot write text"),
        (["HELLO", "--ink", "shiny"], "body.ink: 'shiny' is not a colour"),
        (["HELLO", "--z", "1,2,3,4,5,6,7"], "body.z: 7 latents were given; allowed: at most 6"),
        (["HELLO", "--z", "x"], "latent 1 is 'x', not a number"),
        (["HELLO", "--align", "middle"], "align: Input should be 'left', 'centre', 'right' or 'justify'"),
        (["HELLO", "--scale", "0"], "scale: Input should be greater than or equal to 1"),
        ([""], "text: String should have at least 1 character"),
        (["HELLO", "-o", "nowhere/hello.png"], "--output: there is no folder 'nowhere'"),
        (["HELLO", "-o", "hello.jpg"], "--output: the ending of 'hello.jpg' is none of .png, .webp, .svg, .pdf"),
        (["HELLO", "-o", "hello.svg"], "Model 'cvae' draws pixels, and image/svg+xml is made of strokes."),
        (["HELLO", "--hand", "?"], "body.hand: "),
        (["HELLO", "--unknown", "maybe"], "unknown: Input should be 'error', 'skip' or 'blank'"),
        (["HELLO", "--models", "nowhere"], "nowhere: there is no such folder"),
        (["HELLO", "--url", "http://127.0.0.1:1"], "no response: "),
    ],
)
def test_an_error_is_one_line(arguments: list[str], says: str) -> None:
    message = run("-o", "hello.png", *arguments)
    assert isinstance(message, str)
    assert message.startswith("glyphvae: ")
    assert says in message
    assert "\n" not in message
    assert not Path("hello.png").exists()


@pytest.fixture
def pen(serve_pen: ServePen) -> Path:
    """Serve a model that draws strokes to commands."""
    return serve_pen(*LABELS)


@pytest.mark.parametrize(("name", "format_"), [("a.png", "PNG"), ("a.webp", "WEBP"), ("A.PNG", "PNG")])
def test_the_ending_decides_the_format(name: str, format_: str) -> None:
    assert run("HELLO", "-o", name) == 0
    with Image.open(name) as image:
        assert image.format == format_


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ("", {}),
        ("--strokes centre", {"strokes": "centre"}),
        ("--animate", {"animate": True}),
        ("--drift 3 --seed 8", {"drift": 3, "seed": 8}),
    ],
)
def test_a_text_is_rendered_as_svg(pen: Path, options: str, order: dict[str, object]) -> None:
    writer = Writer(context=context_of(pen))
    assert run("Ae", "-o", "a.svg", "--seed", "7", *options.split()) == 0
    written = Path("a.svg").read_bytes()
    assert b"<title>Ae</title>" in written
    assert written == writer.send(calls.render_text("Ae", **({"seed": 7, "format": "svg"} | order))).content  # type: ignore[arg-type]


def test_a_text_is_written_in_a_hand(pen: Path) -> None:
    hand = write_hand(np.array([1, -1], np.float32), read_manifest(pen / "pen.json"))
    for name, style in {"a.svg": ("--hand", hand), "b.svg": ("--z", "1,-1"), "c.svg": ("--z", "0,-1")}.items():
        assert run("Ae", "-o", name, "--seed", "7", *style) == 0
    one, same, other = [Path(name).read_bytes() for name in ("a.svg", "b.svg", "c.svg")]
    assert one == same != other


def test_what_was_written_is_said_and_the_seed_repeats_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("Hello!", "-o", "a.png", "--unknown", "blank") == 0
    said = capsys.readouterr().err
    pattern = (
        r"a\.png: (\d+) bytes by cvae/1, seed (\d+); "
        r"characters written as others: 4; characters skipped or left blank: 1\n"
    )
    found = re.fullmatch(pattern, said)
    assert found, said
    size, seed = found.groups()
    assert run("Hello!", "-o", "b.png", "--unknown", "blank", "--seed", seed) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert Path("a.png").stat().st_size == int(size)
