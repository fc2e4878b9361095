"""The default model draws from a seed what it drew when it was shipped (`tests/service/golden.py`)."""

import json

import numpy as np

from tests.service.golden import FILE, drawn, readme_pictures
from tests.service.processes import running


def test_a_seed_draws_what_it_drew() -> None:
    expected = json.loads(FILE.read_text(encoding="utf-8"))
    with running("--device", "cpu") as server, server.client() as client:
        found = drawn(client)
    assert found["model"] == expected["model"]
    assert np.allclose(found["z"], expected["z"], atol=1e-6)
    # Processors round products of 8-bit integers differently.
    assert np.abs(np.subtract(found["pixels"], expected["pixels"])).mean() < 1
    assert [place[0] for place in found["glyphs"]] == [place[0] for place in expected["glyphs"]]
    moved = np.subtract([place[1:] for place in found["glyphs"]], [place[1:] for place in expected["glyphs"]])
    assert np.abs(moved).max() <= 1
    # Of another processor a latent may be the next multiple of 0.02.
    assert np.allclose(found["hand"], expected["hand"], atol=0.05)


def test_the_readme_tells_how_its_pictures_were_made() -> None:
    assert sorted(readme_pictures()) == ["j.png", "sentence.png"]
