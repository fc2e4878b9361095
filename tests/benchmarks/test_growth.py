import json
import os
from pathlib import Path

import pytest

from benchmarks.calls import Call
from benchmarks.growth import copy_models
from benchmarks.server import DEFAULT_MODEL, Server, Subject
from glyphvae.settings import Settings
from tests.known_model import decoder, write_model


@pytest.mark.parametrize("parts", [(), ("decoder-int8",)])
def test_copies_of_a_model_are_models_that_are_served(tmp_path: Path, parts: tuple[str, ...]) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    write_model(source, DEFAULT_MODEL, files={part: decoder() for part in parts})
    first = copy_models(Subject(source), target, 3)
    with Server(Subject(target).service("--default-model", first), sorted(os.sched_getaffinity(0))) as server:
        listed = json.loads(server.ask(Call("models", "/models", method="GET")).content)
    assert all(f"copy-{number}" in json.dumps(listed) for number in range(3))


def test_the_default_model_is_the_one_of_the_settings() -> None:
    assert Settings().default_model == DEFAULT_MODEL
