import asyncio
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import typer.testing

from glyphvae import __version__
from glyphvae.api.context import Context
from glyphvae.commands import main
from glyphvae.operations.render_text import RenderText, render_png
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import Settings
from tests.service.processes import ROOT, Server, plain_environment
from tests.service.support import picture

WIDE = {"COLUMNS": "300", "TERM": "dumb"}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> object:
    """`glyphvae ARGUMENTS`, in process; what it exits with."""
    monkeypatch.setattr(sys, "argv", ["glyphvae", *map(str, arguments)])
    monkeypatch.setattr(main.app, "registered_commands", list(main.app.registered_commands))
    with pytest.raises(SystemExit) as caught:
        main.main()
    return caught.value.code


def test_the_command_says_what_it_can_do() -> None:
    output = typer.testing.CliRunner().invoke(main.app, [], env=WIDE).output
    for command in ("serve", "render", "models"):
        assert re.search(rf"\b{command}\b", output)


def test_it_tells_its_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"glyphvae {__version__}\n"


def test_every_setting_has_a_flag_with_its_description() -> None:
    output = typer.testing.CliRunner().invoke(main.app, ["serve", "--help"], env=WIDE).output
    words = re.sub(r"[\s│]+", " ", output)
    for name, field in Settings.model_fields.items():
        assert f" --{name.replace('_', '-')} " in words
        assert (field.description or "").partition(".")[0] in words


def test_models_are_listed(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run(monkeypatch, "models", "--models", repository) == 0
    output = capsys.readouterr().out
    cvae, vae = [line.split("│") for line in output.splitlines() if "/1" in line]
    assert [cell.strip() for cell in cvae[1:6]] == ["cvae/1", "cvae", "0-9, A-Z", "6", "1"]
    assert [cell.strip() for cell in vae[1:6]] == ["vae/1", "vae", "none", "6", "1"]


def test_the_models_of_the_setting_are_listed(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLYPHVAE_MODELS", str(repository))
    assert run(monkeypatch, "models") == 0
    assert "cvae/1" in capsys.readouterr().out


async def test_a_text_is_rendered_as_the_service_renders_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: httpx.AsyncClient
) -> None:
    file = tmp_path / "hello.png"
    arguments = ("render", "HELLO\nWORLD", "-o", file, "--models", repository, "--seed", "7")
    assert await asyncio.to_thread(run, monkeypatch, *arguments) == 0
    answer = await client.post("/render-text", json={"text": "HELLO\nWORLD", "seed": 7})
    assert file.read_bytes() == answer.content


async def test_every_option_of_rendering_reaches_the_picture(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    file = tmp_path / "hello.png"
    options = "--seed 7 --z 1,,-1 --variation 0.5 --width 120 --align right --scale 3 --ink navy --paper transparent"
    arguments: list[str | Path] = ["render", "TO AND FRO", "-o", file, "--models", repository, "--model", "cvae"]
    assert await asyncio.to_thread(run, monkeypatch, *arguments, *options.split()) == 0
    order = RenderText(
        text="TO AND FRO",
        seed=7,
        z=[1, None, -1],
        variation=0.5,
        width=120,
        align="right",
        scale=3,
        ink="navy",
        paper="transparent",
    )
    assert file.read_bytes() == run_now(render_png(order, context))


async def test_a_remote_service_renders_it_too(
    real_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    file = tmp_path / "hello.png"
    arguments = (
        "render",
        "HELLO",
        "-o",
        file,
        "--seed",
        "7",
        "--z",
        "1,,-1",
        "--ink",
        "navy",
        "--url",
        real_server.url,
    )
    assert await asyncio.to_thread(run, monkeypatch, *arguments) == 0
    assert file.read_bytes() == run_now(
        render_png(RenderText(text="HELLO", seed=7, z=[1, None, -1], ink="navy"), context)
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["HELLO!"], "422: body.text: The character '!'"),
        (["HELLO", "--z", "1,2,3,4,5,6,7"], "422: body.z: 7 latents were given"),
        (["HELLO", "--models", "."], "--models cannot be combined with --url"),
    ],
)
def test_a_refusal_of_a_remote_service_is_one_line(
    real_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    output = ("-o", tmp_path / "hello.png", "--url", real_server.url)
    message = run(monkeypatch, "render", *arguments, *output)
    assert isinstance(message, str)
    assert message.startswith(f"glyphvae: {says}")


def test_a_service_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = run(monkeypatch, "render", "HELLO", "-o", tmp_path / "x.png", "--url", "http://127.0.0.1:1")
    assert isinstance(message, str)
    assert message.startswith("glyphvae: no response: ")


def test_without_a_seed_each_picture_is_new(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png"):
        assert run(monkeypatch, "render", "HELLO", "-o", tmp_path / name, "--models", repository) == 0
    pictures = [picture((tmp_path / name).read_bytes()) for name in ("a.png", "b.png")]
    assert pictures[0].shape != pictures[1].shape or (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["HELLO!"], "body.text: The character '!' (U+0021 EXCLAMATION MARK) at position 5 cannot be written"),
        (["HELLO", "--model", "gan"], "There is no model 'gan'; served are: cvae, vae."),
        (["HELLO", "--model", "vae"], "body.model: model 'vae' has no labels, so it cannot write text"),
        (["HELLO", "--ink", "shiny"], "body.ink: 'shiny' is not a colour"),
        (["HELLO", "--z", "1,2,3,4,5,6,7"], "body.z: 7 latents were given"),
        (["HELLO", "--z", "x"], "latent 1 is 'x', not a number"),
        (["HELLO", "--align", "middle"], "align: Input should be 'left', 'centre', 'right' or 'justify'"),
        (["HELLO", "--scale", "0"], "scale: Input should be greater than or equal to 1"),
        ([""], "text: String should have at least 1 character"),
        (["HELLO", "-o", "nowhere/hello.png"], "No such file or directory: 'nowhere/hello.png'"),
        (["HELLO", "--models", "nowhere"], "nowhere: no models here"),
    ],
)
def test_an_error_is_one_line(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.setenv("GLYPHVAE_MODELS", str(repository))
    monkeypatch.chdir(tmp_path)
    message = run(monkeypatch, "render", "-o", "hello.png", *arguments)
    assert isinstance(message, str)
    assert message.startswith("glyphvae: ")
    assert says in message
    assert "\n" not in message
    assert not (tmp_path / "hello.png").exists()


def test_a_bad_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_THREADS", "0")
    message = run(monkeypatch, "models")
    assert message == "glyphvae: setting GLYPHVAE_THREADS: Input should be greater than or equal to 1 (got '0')"


def test_other_packages_add_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An installed distribution with an entry point in the group, as training is one."""
    (tmp_path / "glyphvae_extra.py").write_text("def greet(name: str) -> None:\n    print(f'Hello, {name}')\n")
    facts = tmp_path / "glyphvae_extra-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: glyphvae-extra\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[glyphvae.commands]\ngreet = glyphvae_extra:greet\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert run(monkeypatch, "greet", "J") == 0
    assert capsys.readouterr().out == "Hello, J\n"


@pytest.mark.parametrize("command", sorted(main.OWN_COMMANDS))
def test_broken_packages_do_not_break_the_services_own_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    facts = tmp_path / "glyphvae_broken-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: glyphvae-broken\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[glyphvae.commands]\nfail = glyphvae_broken:fail\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert run(monkeypatch, command, "--help") == 0


def test_every_command_of_the_service_is_its_own() -> None:
    names = {command.name or getattr(command.callback, "__name__", "") for command in main.app.registered_commands}
    assert names == main.OWN_COMMANDS


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "glyphvae", "render", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=plain_environment(),
        check=True,
    )
    assert "glyphvae render" in done.stdout
