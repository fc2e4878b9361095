import re
import sys
from pathlib import Path

import pytest
import typer.testing

from glyphvae import __version__
from glyphvae.commands import main
from glyphvae.settings import Settings
from tests.service.processes import python

WIDE = {"COLUMNS": "300", "TERM": "dumb"}


def run(*arguments: str | Path) -> object:
    """`glyphvae ARGUMENTS`, in process; what it exits with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["glyphvae", *map(str, arguments)])
        patch.setattr(main.app, "registered_commands", list(main.app.registered_commands))
        with pytest.raises(SystemExit) as caught:
            main.main()
    return caught.value.code


def test_the_command_says_what_it_can_do() -> None:
    output = typer.testing.CliRunner().invoke(main.app, [], env=WIDE).output
    for command in ("serve", "render", "hand", "font", "models"):
        assert re.search(rf"\b{command}\b", output)


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"glyphvae {__version__}\n"


def test_every_setting_has_a_flag_with_its_description() -> None:
    output = typer.testing.CliRunner().invoke(main.app, ["serve", "--help"], env=WIDE).output
    words = re.sub(r"[\s│]+", " ", output)
    for name, field in Settings.model_fields.items():
        assert f" --{name.replace('_', '-')} " in words
        assert (field.description or "").partition(".")[0] in words


@pytest.mark.parametrize("option", ["setting", "flag"])
def test_models_are_listed(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("GLYPHVAE_MODELS", str(repository) if option == "setting" else "nowhere")
    assert run("models", *(["--models", str(repository)] if option == "flag" else [])) == 0
    output = capsys.readouterr().out
    cvae, vae = [line.split() for line in output.splitlines() if "/1" in line]
    assert cvae == ["*", "cvae/1", "cvae", "0-9,", "A-Z", "6", "1"]
    assert vae == ["vae/1", "vae", "none", "6", "1"]
    assert output.splitlines()[-1] == "* the default"
    monkeypatch.setenv("COLUMNS", "200")
    assert run("models", "--models", str(repository)) == 0
    assert "summary" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    assert run("models", "--models", tmp_path / "no") == f"glyphvae: {tmp_path / 'no'}: there is no such folder"


def test_commands_are_in_groups() -> None:
    output = typer.testing.CliRunner().invoke(main.app, [], env=WIDE).output
    served, files = output.index("─ Serve ─"), output.index("─ Make files")
    assert served < output.index(" serve ") < files < output.index(" render ")


def test_a_bad_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_THREADS", "0")
    message = run("models")
    assert message == "glyphvae: setting GLYPHVAE_THREADS: Input should be greater than or equal to 1 (got '0')"


def test_a_file_that_cannot_be_read_is_named_in_one_line() -> None:
    assert run("hand", "nothing.png") == "glyphvae: nothing.png: No such file or directory"


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Install a distribution with an entry point in the group of commands, as training is one."""
    facts = tmp_path / "glyphvae_extra-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: glyphvae-extra\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[glyphvae.commands]\n{command}\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_other_packages_add_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "glyphvae_extra.py").write_text("def greet(name: str) -> None:\n    print(f'Hello, {name}')\n")
    install(tmp_path, monkeypatch, "greet = glyphvae_extra:greet")
    assert run("greet", "J") == 0
    assert capsys.readouterr().out == "Hello, J\n"


@pytest.mark.parametrize("command", sorted(main.OWN_COMMANDS))
def test_broken_packages_do_not_break_the_services_own_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    install(tmp_path, monkeypatch, "fail = glyphvae_broken:fail")
    assert run(command, "--help") == 0


def test_every_command_of_the_service_is_its_own() -> None:
    names = {command.name or getattr(command.callback, "__name__", "") for command in main.app.registered_commands}
    assert names == main.OWN_COMMANDS


def test_the_module_is_the_command() -> None:
    assert "glyphvae render" in python("-m", "glyphvae", "render", "--help").stdout


@pytest.mark.parametrize(("level", "logged"), [("info", ["WARNING", "ERROR"]), ("error", ["ERROR"])])
def test_the_log_has_no_steps_of_packing_fonts(level: str, logged: list[str]) -> None:
    program = f"""
import logging.config
from glyphvae.commands.main import _log_config
logging.config.dictConfig(_log_config({level!r}, "text"))
for name in ("INFO", "WARNING", "ERROR"):
    logging.getLogger("fontTools.ttLib.tables.otBase").log(getattr(logging, name), "packed")
"""
    lines = python("-c", program).stderr.splitlines()
    assert [line.split()[2] for line in lines if "packed" in line] == logged
