import ast
import logging
import re
from pathlib import Path

import pytest

import glyphvae
from glyphvae.application import create
from glyphvae.environment import OTHERS, SERVER, warn_of_other_server, warn_of_unknown
from glyphvae.settings import Settings, load_settings
from tests.service.processes import running

PACKAGE = Path(glyphvae.__file__).parent
ROOT = Path(__file__).parents[2]


def test_a_misspelt_variable_is_named_with_the_setting_that_may_be_meant(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GLYPHVAE_WROKERS", "2")
    monkeypatch.setenv("glyphvae_colour_of_paper", "blue")
    warn_of_unknown()
    assert sorted(caplog.messages) == [
        "GLYPHVAE_WROKERS is not a setting and has no effect; did you mean GLYPHVAE_WORKERS?",
        "glyphvae_colour_of_paper is not a setting and has no effect",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


@pytest.mark.parametrize("name", [*Settings.model_fields, *sorted(OTHERS)])
def test_nothing_is_said_of_what_is_known(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(f"GLYPHVAE_{name.upper()}", "1")
    monkeypatch.setenv("HOME_OF_GLYPHVAE_WROKERS", "1")
    warn_of_unknown()
    assert caplog.messages == []


@pytest.mark.parametrize("service", ["GLYPHVAE", "GLYPHVAE_CANARY", "GLYPHVAE_ADMIN"])
def test_nothing_is_said_of_what_kubernetes_puts_there(
    service: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = {"": "tcp://10.96.0.1:80", "_PROTO": "tcp", "_PORT": "80", "_ADDR": "10.96.0.1"}
    for name, value in {
        "SERVICE_HOST": "10.96.0.1",
        "SERVICE_PORT": "80",
        "SERVICE_PORT_HTTP": "80",
        "PORT": "tcp://10.96.0.1:80",
        **{f"PORT_80_TCP{suffix}": value for suffix, value in port.items()},
    }.items():
        monkeypatch.setenv(f"{service}_{name}", value)
    warn_of_unknown()
    assert caplog.messages == []


def test_a_port_that_is_none_of_these_is_a_misspelt_variable(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GLYPHVAE_AMDIN_PORT", "9000")
    warn_of_unknown()
    assert caplog.messages == [
        "GLYPHVAE_AMDIN_PORT is not a setting and has no effect; did you mean GLYPHVAE_ADMIN_PORT?"
    ]


def test_the_server_warns_before_it_listens(repository: Path) -> None:
    with running("--models", str(repository), "--device", "cpu", GLYPHVAE_WROKERS="2", GLYPHVAE_WORKERS="") as server:
        assert server.before.count("GLYPHVAE_WROKERS is not a setting") == 1


@pytest.mark.parametrize("name", sorted(SERVER))
def test_under_another_server_a_setting_without_effect_is_named(name: str, caplog: pytest.LogCaptureFixture) -> None:
    warn_of_other_server(Settings.model_construct({name}))
    assert caplog.messages == [
        f"without effect, because only `glyphvae serve` has these settings: GLYPHVAE_{name.upper()}"
    ]


def test_under_another_server_nothing_is_said_of_other_settings(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_other_server(load_settings(max_samples=7))
    assert caplog.messages == []


def test_the_application_warns_of_both(
    repository: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GLYPHVAE_MODELS", str(repository))
    monkeypatch.setenv("GLYPHVAE_DEVICE", "cpu")
    monkeypatch.setenv("GLYPHVAE_WROKERS", "2")
    monkeypatch.setenv("GLYPHVAE_RECEIVE_TIMEOUT", "2")
    monkeypatch.setenv("GLYPHVAE_ADMIN_PORT", "9000")
    with caplog.at_level(logging.WARNING):
        create()
    unknown, other_server = caplog.messages
    assert unknown.startswith("GLYPHVAE_WROKERS is not a setting")
    assert other_server.endswith("GLYPHVAE_RECEIVE_TIMEOUT, GLYPHVAE_ADMIN_PORT")


def names_in(path: Path) -> set[str]:
    """The names of attributes that a module reads of anything called settings."""
    owners = {"settings", "own", "_settings"}
    return {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name | ast.Attribute)
        and (node.value.id if isinstance(node.value, ast.Name) else node.value.attr) in owners
    }


def test_every_setting_that_only_the_server_reads_is_among_them() -> None:
    server = {*(PACKAGE / "server").rglob("*.py"), PACKAGE / "commands/main.py", PACKAGE / "startup.py"}
    elsewhere = set[str]().union(*(names_in(path) for path in PACKAGE.rglob("*.py") if path not in server))
    assert set(Settings.model_fields) - elsewhere == SERVER


def test_the_page_names_them() -> None:
    page = " ".join((ROOT / "docs/embedding.md").read_text(encoding="utf-8").split())
    (listed,) = re.findall(r"the settings of its process and connections \((.+?)\)", page)
    assert set(re.findall(r"`(\w+)`", listed)) == SERVER
