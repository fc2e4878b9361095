"""What all tests share."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from _pytest.assertion import rewrite
from hypothesis import settings

from tests.untraced import untraced

# As the packages under test do, which some modules of tests import after ONNX Runtime.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("glyphvae", deadline=None)
settings.load_profile("glyphvae")

# Every worker rewrites the assertions of all tests when there is no bytecode yet, all in Python.
rewrite._rewrite_test = untraced()(rewrite._rewrite_test)  # pytest has no setting for it

# Tests in these folders mirror the modules of the packages, and cover them; those of whole programs need not.
COVERING = ("service", "training")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all but the tests of modules as `untraced`."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] not in COVERING:
            item.add_marker("untraced")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test that is marked `untraced`, and its fixtures, without measuring coverage."""
    if item.get_closest_marker("untraced") is None:
        return (yield)
    with untraced():
        return (yield)
