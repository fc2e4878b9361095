import pytest

from glyphvae.commands.remote import RemoteError, remote
from tests.service.processes import python


def test_an_error_of_the_client_is_one_of_the_command() -> None:
    with pytest.raises(RemoteError) as caught, remote("http://127.0.0.1:1", None) as client:
        client.generate("J")
    assert "\n" not in str(caught.value)


def test_a_url_without_a_scheme_is_completed() -> None:
    with pytest.raises(RemoteError, match="write http://localhost:8000, or https"), remote("localhost:8000", None):
        raise AssertionError


def test_a_server_does_not_import_the_libraries_of_commands_and_of_what_is_off() -> None:
    libraries = {"httpx", "rich.progress", "glyphvae.client", "scipy"}
    libraries |= {"limits", "opentelemetry.sdk", "prometheus_client", "ray", "redis"}
    code = f"import sys, glyphvae.commands.main, glyphvae.server.server; print(*{libraries} & set(sys.modules))"
    assert python("-c", code).stdout == "\n"
