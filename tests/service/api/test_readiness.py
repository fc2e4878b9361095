from pathlib import Path

import pytest

from glyphvae.api.context import Context
from glyphvae.api.readiness import check_live, check_ready
from glyphvae.errors import NotReady
from tests.service.support import PATIENCE, Clock, Gate, context_of


@pytest.fixture
def own(repository: Path) -> Context:
    return context_of(repository)


def test_what_is_loaded_is_run_and_named(own: Context) -> None:
    check_live(own)
    ready = check_ready(own)
    assert (ready.models, ready.degraded) == ({"cvae": "cpu"}, [])
    own.registry.get("vae").sessions.build()
    assert check_ready(own).models == {"cvae": "cpu", "vae": "cpu"}


def test_before_the_end_it_is_alive_but_not_ready(own: Context) -> None:
    own.draining = True
    check_live(own)
    with pytest.raises(NotReady, match="about to end"):
        check_ready(own)


@pytest.mark.parametrize("name", ["rows", "bytes"])
def test_a_thread_that_hangs_is_neither_alive_nor_ready(
    own: Context, gate: Gate, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("glyphvae.scheduling.worker_pool.monotonic", clock)
    hanging = (own.registry.pool if name == "rows" else own.threads).submit(1, None, gate)
    assert gate.reached.wait(PATIENCE)
    check_ready(own)
    clock.now += own.settings.stalled_after + 1
    for check in (check_live, check_ready):
        with pytest.raises(NotReady, match="has not moved for 11 seconds") as caught:
            check(own)
        assert caught.value.headers == {"Retry-After": "5"}
    gate.opened.set()
    hanging.result(PATIENCE)
    check_ready(own)


def test_an_event_loop_that_hangs_is_noticed(own: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glyphvae.api.readiness.monotonic", lambda: 100.0)
    own.beat = 95.0
    check_live(own)
    own.beat = 80.0
    with pytest.raises(NotReady, match="The event loop has not moved for 20 seconds"):
        check_live(own)
