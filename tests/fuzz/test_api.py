"""A few of the requests that `make fuzz-api` sends by the thousand."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from glyphvae.api.context import Context
from tests.fuzz.api import STACKS, build, check, operations
from tests.known_model import write_model

CASES = 10


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries that send the requests
@pytest.mark.parametrize("served", STACKS.values(), ids=STACKS)
def test_every_route_answers_as_documented(tmp_path: Path, served: Callable[[Context], ASGIApp]) -> None:
    write_model(tmp_path, "cvae")
    write_model(tmp_path, "vae", conditional=False)
    for operation in operations(build(served, tmp_path)):
        check(operation, CASES)
