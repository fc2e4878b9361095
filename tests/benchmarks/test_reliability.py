"""Overload, soak and slow clients, each for a moment."""

import pytest

from benchmarks import reliability
from benchmarks.calls import EVERYTHING, KINDS, WORK, mixture
from benchmarks.server import Subject


def test_requests_repeat_with_the_seed_and_are_all_different() -> None:
    some = list(mixture(1, EVERYTHING, 200))
    assert some == list(mixture(1, EVERYTHING, 200))
    assert some != list(mixture(2, EVERYTHING, 200))
    assert len(set(some)) > 100
    kinds = {kind: next(mixture(0, [kind == other for other in KINDS], 1)) for kind in KINDS}
    assert kinds["encode"].startswith(b"POST /encode HTTP")
    assert b"n=10000" in kinds["generate, n=10000"]
    assert b"\x89PNG" in kinds["reconstruct"]


def test_overload(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliability, "MIXTURES", {"work": WORK})
    monkeypatch.setattr(reliability, "CROWD", 40)
    monkeypatch.setattr(reliability, "CALM", 0.3)
    (figure,) = reliability.overload(subject, seconds=1)
    assert figure["peak_rate"] > 0
    assert figure["lost"] == 0
    assert set(figure["statuses"]) <= {"200", "429", "503"}


def test_soak(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliability, "LOOKS", 4)
    figure = reliability.soak(subject, 200)
    assert figure["statuses"] == {"200": 200}
    assert figure["lost"] == 0
    assert len(figure["looks"]) == 4


def test_slow(subject: Subject) -> None:
    figure = reliability.slow(subject, 4, 1, ["--receive-timeout", "0.5"])
    assert figure["closed"] == 4
    assert figure["alone"]["lost"] == figure["beside"]["lost"] == 0


def test_recovery(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliability, "SECONDS", 1.0)
    monkeypatch.setattr(reliability, "BEFORE", 0.2)
    figures = reliability.recovery(subject, 2)
    for figure in figures:
        assert figure["seconds"] > 0
        assert figure["lost"] <= reliability.CONNECTIONS
        assert set(figure["statuses"]) == {"200"}
