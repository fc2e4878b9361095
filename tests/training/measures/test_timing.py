from time import perf_counter

import numpy as np

from glyphvae_training.export.exported import session
from glyphvae_training.measures.timing import decoder_call, interleaved, seconds_per_call
from tests import known_model


def busy(seconds: float) -> None:
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


def test_a_longer_call_takes_longer() -> None:
    taken = interleaved({"short": lambda: busy(0.0005), "long": lambda: busy(0.005)}, rounds=9, seconds=0.005)
    assert {name: len(times) for name, times in taken.items()} == {"short": 9, "long": 9}
    assert np.median(taken["long"] / taken["short"]) > 2  # 10, less what other work adds to both


def test_calls_take_turns() -> None:
    calls: list[str] = []
    interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3, seconds=0)
    assert "".join(calls[-12:]) == "aabbaabbaabb"  # one that is not counted, one that is


def test_the_first_call_is_not_counted() -> None:
    pauses = iter([0.02, 0, 0])
    assert seconds_per_call(lambda: busy(next(pauses)), 2) < 0.005


def test_a_decoder_is_called_with_labels_if_it_takes_them() -> None:
    rng = np.random.default_rng(0)
    for conditional in (True, False):
        outputs = decoder_call(session(known_model.decoder(conditional)), 6, 4, rng)()
        assert isinstance(outputs, list)
        assert [output.shape for output in outputs] == [(4, 28, 28)]
