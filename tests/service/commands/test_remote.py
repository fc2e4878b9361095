import pytest

from glyphvae.commands.remote import RemoteError, remote
from tests.service.processes import python


def test_an_error_of_the_client_is_one_of_the_command() -> None:
    with pytest.raises(RemoteError) as caught, remote("http://127.0.0.1:1", None) as client:
        client.generate("J")
    assert "\n" not in str(caught.value)


def test_a_server_does_not_import_the_libraries_of_commands() -> None:
    libraries = {"httpx", "rich.progress", "glyphvae.client", "scipy"}
    code = f"import sys, glyphvae.commands.main; print(*{libraries} & set(sys.modules))"
    assert python("-c", code).stdout == "\n"
