import subprocess
import sys
from pathlib import Path

import pytest

from glyphvae.errors import StartError
from glyphvae.settings import SHIPPED_MODELS, Settings, load_settings, markdown

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_defaults_serve_the_shipped_models_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLYPHVAE_DEFAULT_MODEL")
    settings = load_settings()
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert (settings.models, settings.default_model) == (SHIPPED_MODELS, "pen")
    assert Path(__file__).parents[2] / "exported" == SHIPPED_MODELS


def test_the_environment_sets_and_flags_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_PORT", "9000")
    monkeypatch.setenv("GLYPHVAE_THREADS", "2")
    settings = load_settings(port=9001)
    assert (settings.port, settings.threads) == (9001, 2)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_is_the_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLYPHVAE_DEFAULT_MODEL")
    monkeypatch.setenv(f"GLYPHVAE_{name.upper()}", "")
    assert load_settings() == Settings()
    assert load_settings().model_fields_set == set()


@pytest.mark.parametrize("name", ["port", "admin_port", "host", "trace_endpoint"])
@pytest.mark.parametrize("address", ["tcp://10.96.0.1:80", "udp://10.96.0.1:53", "sctp://[fd00::1]:80"])
def test_an_address_of_another_container_is_no_value(name: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLYPHVAE_DEFAULT_MODEL")
    monkeypatch.setenv(f"GLYPHVAE_{name.upper()}", address)
    assert load_settings() == Settings()


def test_such_an_address_as_a_flag_is_refused() -> None:
    with pytest.raises(StartError, match=r"^setting GLYPHVAE_PORT: "):
        load_settings(port="tcp://10.96.0.1:80")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("port", "70000", "less than or equal to 65535"),
        ("port", "http", "a valid integer"),
        ("workers", "0", "greater than or equal to 1"),
        ("device", "tpu", "'auto', 'cpu' or 'cuda'"),
        ("max_body_bytes", "1023", "greater than or equal to 1024"),
        ("root_path", "/hw/", "without a slash at its end"),
        ("root_path", "hw", "without a slash at its end"),
        ("trusted_proxies", "10.0.0.1,proxy", "'proxy' does not appear to be an IPv4 or IPv6 network"),
        ("tls_key", "key.pem", "tls_cert is not set"),
        ("log_level", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
@pytest.mark.parametrize("source", ["environment", "flag"])
def test_a_value_out_of_range_is_refused_by_name(
    name: str, value: str, allowed: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags: dict[str, object] = {}
    if source == "flag":
        flags[name] = value
    else:
        monkeypatch.setenv(f"GLYPHVAE_{name.upper()}", value)
    with pytest.raises(StartError) as caught:
        load_settings(**flags)
    message = str(caught.value)
    assert message.startswith(f"setting GLYPHVAE_{name.upper()}: ")
    assert allowed in message
    assert message.endswith(f"(got '{value}')")
    assert "\n" not in message


def test_models_are_controlled_in_one_process() -> None:
    assert load_settings(model_control="explicit").model_control == "explicit"
    with pytest.raises(
        StartError, match="setting GLYPHVAE_MODEL_CONTROL: Value error, workers is not 1, and each would"
    ):
        load_settings(model_control="explicit", workers=2)


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(StartError, match=r"^setting GLYPHVAE_COLOUR: "):
        load_settings(colour="blue")


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


def test_the_document_is_that_of_the_code() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == markdown(), "run `make openapi`"


def test_every_setting_is_documented() -> None:
    rows = markdown().splitlines()
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        (row,) = [row for row in rows if row.startswith(f"| `GLYPHVAE_{name.upper()}` | `{flag}` |")]
        assert field.description
        assert row.endswith(f"| {field.description} |")


def test_the_document_is_written_by_a_command(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "glyphvae.settings", tmp_path / "settings.md"], check=True)
    assert (tmp_path / "settings.md").read_text(encoding="utf-8") == markdown()
