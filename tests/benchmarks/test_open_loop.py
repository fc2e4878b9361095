import numpy as np
import pytest

from benchmarks.arrivals import Arrivals
from benchmarks.open_loop import summary


def test_percentiles_are_in_milliseconds() -> None:
    latencies = np.arange(1, 101) / 1000
    facts = summary(Arrivals(latencies, np.array([0.0, 0.001]), errors=2, seconds=2.0))
    assert facts["requests"] == 100
    assert facts["rate"] == 50
    assert facts["errors"] == 2
    assert facts["latency_ms"]["p50"] == pytest.approx(50.5)
    assert facts["latency_ms"]["p99.9"] == pytest.approx(100, abs=0.2)
    assert facts["lateness_p99_ms"] == pytest.approx(1, abs=0.02)


def test_a_server_that_never_answers_has_no_latency() -> None:
    facts = summary(Arrivals(np.array([]), np.array([]), errors=5, seconds=0.0))
    assert facts == {
        "requests": 0,
        "errors": 5,
        "rate": 0.0,
        "lateness_p99_ms": None,
        "latency_ms": {"p50": None, "p90": None, "p99": None, "p99.9": None},
    }
