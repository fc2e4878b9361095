import re
import stat
from pathlib import Path

import pytest

from glyphvae.web.keys import KeyFile, read_keys
from tests.service.commands.test_main import run


def test_a_key_is_shown_once_and_its_hash_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keys"
    assert run("keys", "ci", "--file", file, "--days", "30", "--rate", "100/minute") == 0
    token = capsys.readouterr().out.strip()
    assert run("keys", "app", "--file", file, "--route", "/generate", "--route", "/models") == 0
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    known = KeyFile(file)
    found = known.find(token.encode())
    assert found is not None
    assert (found.name, found.rate, found.expired) == ("ci", "100/minute", False)
    assert [key.routes for key in read_keys(file)] == [(), ("/generate", "/models")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ci"], "already has a key 'ci'"),
        (["a b"], "name: Input should be 1 to 64 letters"),
        (["new", "--rate", "often"], "rate: "),
        (["new", "--route", "generate"], "routes.0: Input should be a path that begins with /"),
    ],
)
def test_a_wrong_key_is_not_made(tmp_path: Path, arguments: list[str], says: str) -> None:
    file = tmp_path / "keys"
    run("keys", "ci", "--file", file)
    before = file.read_text()
    assert re.search(re.escape(says), str(run("keys", *arguments, "--file", file)))
    assert file.read_text() == before
