import pytest

from benchmarks.server import Subject
from tests.benchmarks.examples import export_untrained


@pytest.fixture(scope="session")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The service with one model, the default one by its name."""
    folder = tmp_path_factory.mktemp("exported")
    export_untrained(folder)
    return Subject(folder)
