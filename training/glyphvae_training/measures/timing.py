"""Interleaved timing of calls on one thread, so that other work on the machine affects all of them alike."""

from collections.abc import Callable, Mapping
from time import perf_counter

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Call = Callable[[], object]

ROUNDS = 60
# Long against the clock's resolution, short against the bursts of other work on the machine.
SECONDS_PER_TURN = 0.01


def interleaved(
    calls: Mapping[str, Call], *, rounds: int = ROUNDS, seconds: float = SECONDS_PER_TURN
) -> dict[str, NDArray[np.float64]]:
    """Measure the seconds per call in each round; every round runs all calls, one after the other.

    Args:
        calls: what is timed, by name.
        rounds: how often each gets its turn.
        seconds: about how long a turn is.

    Returns:
        float64 (rounds,) for each name. Compare two by the median over rounds of their ratio.
    """
    repeats = {name: max(1, round(seconds / seconds_per_call(call, 3))) for name, call in calls.items()}
    taken = [{name: seconds_per_call(call, repeats[name]) for name, call in calls.items()} for _ in range(rounds)]
    return {name: np.array([turn[name] for turn in taken]) for name in calls}


def seconds_per_call(call: Call, repeats: int) -> float:
    """Return the mean time of several calls in a row, after one that is not counted."""
    call()
    start = perf_counter()
    for _ in range(repeats):
        call()
    return (perf_counter() - start) / repeats


def decoder_call(session: ort.InferenceSession, latent_size: int, batch: int, rng: np.random.Generator) -> Call:
    """Return a call that decodes `batch` latents, with labels if the model takes them, to 8-bit pixels."""
    inputs: dict[str, NDArray[np.generic]] = {"z": rng.standard_normal((batch, latent_size), dtype=np.float32)}
    if len(session.get_inputs()) > 1:
        inputs["label"] = np.arange(batch) % 10
    return lambda: session.run(["pixels"], inputs)
