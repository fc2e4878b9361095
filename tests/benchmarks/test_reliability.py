"""Overload, soak and slow clients, each for a moment."""

import sys
from pathlib import Path

import pytest

from benchmarks import mixture, overload, recovery, slow, soak
from benchmarks.stage import Subject


def test_requests_repeat_with_the_seed_and_are_all_different() -> None:
    some = list(mixture.requests(1, mixture.EVERYTHING, 200))
    assert some == list(mixture.requests(1, mixture.EVERYTHING, 200))
    assert some != list(mixture.requests(2, mixture.EVERYTHING, 200))
    assert len(set(some)) > 100
    kinds = {mixture.KINDS[i]: next(mixture.requests(0, [i == j for j in range(7)], 1)) for i in range(7)}
    assert kinds["encode"].startswith(b"POST /encode")
    assert b"n=10000" in kinds["generate, n=10000"]
    assert b"\x89PNG" in kinds["reconstruct"]


def test_overload(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "KINDS", {"work": mixture.WORK})
    monkeypatch.setattr(overload, "CROWD", 40)
    monkeypatch.setattr(overload, "CALM", 0.3)
    (figure,) = overload.measure(subject, seconds=1)
    assert figure["peak_rate"] > 0
    assert figure["lost"] == 0
    assert set(figure["statuses"]) <= {"200", "429", "503"}


def test_soak(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "LOOKS", 4)
    figure = soak.measure(subject, 200)
    assert figure["statuses"] == {"200": 200}
    assert figure["lost"] == 0
    assert len(figure["looks"]) == 4


def test_slow(subject: Subject) -> None:
    figure = slow.measure(subject, 4, 1, "--receive-timeout", "0.5")
    assert figure["closed"] == 4
    assert figure["alone"]["lost"] == figure["beside"]["lost"] == 0


def test_recovery(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "SECONDS", 1.0)
    monkeypatch.setattr(recovery, "BEFORE", 0.2)
    figures = recovery.measure(subject, 2)
    for figure in figures:
        assert figure["seconds"] > 0
        assert figure["lost"] <= recovery.CONNECTIONS
        assert set(figure["statuses"]) == {"200"}


@pytest.fixture
def subject(models: Path) -> Subject:
    return Subject(models, sys.executable)
