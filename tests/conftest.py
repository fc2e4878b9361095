"""What all tests share."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.assertion import rewrite
from hypothesis import settings

from tests.untraced import untraced

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.by_module import ByModule

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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "ByModule":
    """Distribute tests by module."""
    from tests.by_module import ByModule  # noqa: PLC0415 (some environments have no xdist)

    return ByModule(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test that is marked `untraced`, and its fixtures, without measuring coverage."""
    if item.get_closest_marker("untraced") is None:
        return (yield)
    with untraced():
        return (yield)
