"""The programs and commands of some pages work as they are written, from top to bottom."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from glyphvae.models.hand_string import read_hand
from glyphvae.models.manifest import read_manifest
from tests.service.processes import ROOT, Server, plain_environment, running

ADDRESS = "http://127.0.0.1:8000"
PAGES = ("clients.md", "dataset.md", "embedding.md", "fonts.md", "hands.md", "pages.md", "reading.md")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Fonts take more than the usual time limit where the machine is busy.
    with running("--device", "cpu", "--request-timeout", "60") as server, server.client() as client:
        client.get("/livez").raise_for_status()
        yield server


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs(page: str, server: Server, tmp_path: Path) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").replace(ADDRESS, server.url)
    environment = plain_environment() | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    # All of a kind in one process, because starting takes longer than what they do; programs read what commands wrote.
    for language, command in (("sh", ["bash", "-euc"]), ("python", [sys.executable, "-c"])):
        blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        assert blocks
        program = "".join(blocks).replace("curl ", "curl --fail --silent --show-error ")
        done = subprocess.run(
            [*command, program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert [link for link in links if not link.startswith("http") and not (ROOT / "docs" / link).exists()] == []


@pytest.mark.parametrize("name", ["hands.md", "openapi.json"])
def test_hands_in_examples_are_of_the_shipped_model(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    manifest = read_manifest(ROOT / "exported" / "pen.json")
    hands = re.findall(r'(?:hand=|"hand": ")([\w-]{28})\b', text)
    assert hands
    assert {len(read_hand(hand, manifest, {})) for hand in hands} == {manifest.hand_size}
