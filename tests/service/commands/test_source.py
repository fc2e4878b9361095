from pathlib import Path

import pytest

from glyphvae.client import calls
from glyphvae.commands.remote import RemoteError
from glyphvae.commands.source import check_source, source
from glyphvae.errors import StartError
from tests.service.processes import Server


def test_a_service_and_local_models_make_the_same(real_server: Server, repository: Path) -> None:
    made = []
    for models, url in ((repository, None), (None, real_server.url)):
        with source(models, url, None) as service:
            made.append(service.send(calls.render_text("HELLO", seed=7)).content)
    assert made[0] == made[1]


def test_models_beside_a_service_are_refused(repository: Path) -> None:
    check_source(repository, None)
    check_source(None, "http://127.0.0.1:1")
    with (
        pytest.raises(StartError, match="--models cannot be combined with --url"),
        source(repository, "http://127.0.0.1:1", None),
    ):
        pass


def test_no_service_is_an_error_of_the_command() -> None:
    with pytest.raises(RemoteError, match="no response"), source(None, "http://127.0.0.1:1", None) as service:
        service.send(calls.generate("J"))
