"""A few of the requests that `make fuzz-api` sends by the thousand."""

from pathlib import Path

import pytest

from tests.fuzz.api import build, check, operations
from tests.known_model import write_model

CASES = 20


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries that send the requests
def test_every_route_answers_as_documented(tmp_path: Path) -> None:
    write_model(tmp_path, "cvae")
    write_model(tmp_path, "vae", conditional=False)
    for operation in operations(build(tmp_path)):
        check(operation, CASES)
