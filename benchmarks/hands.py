"""Held-out fonts, and letters that the service writes in the hand that it finds in some of theirs."""

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.processes import BenchmarkError
from benchmarks.server import Server, Subject, console
from glyphvae.client import Client

SEED = 7
HELD_OUT: dict[str, Literal["validation", "test"]] = {"validation": "validation", "test": "test"}


def measure(subject: Subject, data: Path, fonts: str = "validation", tries: int = 10) -> list[dict[str, Any]]:
    """Measure how often `POST /hand` finds the font that letters are from; some minutes, without training.

    The letters that were not given are written by `/generate` in the hand, and compared with those of every font by
    histograms of oriented gradients.

    Args:
        subject: The service.
        data: Folder of the fonts.
        fonts: Part of the fonts that nothing was trained on: `validation`, or `test` for the final figures alone.
        tries: Hands of each font, of other letters each.

    Raises:
        BenchmarkError: There is no such part.
    """
    # Imported here, because only this part needs PyTorch's packages.
    from glyphvae_training.data.alphabet import ALPHABET  # noqa: PLC0415
    from glyphvae_training.data.lettering import load_lettering  # noqa: PLC0415
    from glyphvae_training.evaluation.hands import (  # noqa: PLC0415
        GIVEN,
        font_distances,
        found_nearest,
        found_relative,
        letters_of_all,
        mean_over_fonts,
    )

    if fonts not in HELD_OUT:
        raise BenchmarkError(f"fonts are of the parts {' and '.join(HELD_OUT)}, not {fonts}")
    letters = letters_of_all(load_lettering(data, HELD_OUT[fonts])).coarse()
    rows: list[dict[str, Any]] = []
    with (
        Server(subject.service("--request-timeout", "60"), sorted(os.sched_getaffinity(0))) as server,
        Client(f"http://127.0.0.1:{server.port}", timeout=90) as client,
    ):

        def hand_of(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.float32]:
            found = client.hand(images, label=[ALPHABET[label] for label in labels], preprocess="none")
            return np.asarray(found.mu, np.float32)

        def write(hand: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.uint8]:
            names = [ALPHABET[label] for label in labels]
            return client.generate(names, z=hand.tolist(), temperature=0, seed=SEED).pixels

        for given in GIVEN:
            rng = np.random.default_rng(given)
            apart = font_distances(letters, hand_of, write, given, rng, tries=tries)
            row: dict[str, Any] = {"given": given, "fonts": len(apart), "part": fonts}
            for name, found in (("nearest", found_nearest(apart)), ("relative", found_relative(apart))):
                row[name] = mean_over_fonts(found, rng)._asdict()
            rows.append(row)
            console.print(row)
    return rows
