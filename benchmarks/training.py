"""Images a second in training, beside earlier ways to train, and the share of the processor's arithmetic.

The model is a conditional autoencoder of dense layers with six latents, on random images: their content does not
change their cost. The earlier ways are the loop that people write first, and this project's own first version, which
git still has.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from benchmarks.rounds import ratios, rotated
from benchmarks.server import ROOT, console
from glyphvae_training.data.batches import Batch, Batches
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.fitting.objective import loss, reparameterise
from glyphvae_training.fitting.trainer import Hardware, TrainingConfig, fit
from glyphvae_training.models.cvae import CVAE, CVAEConfig

LABELS = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
CONFIG = CVAEConfig(latent_size=6, label_count=len(LABELS))
BATCH = 256
# Images of the training split of the 36 classes.
EPOCH = 92_000
# The commit that added training.
FIRST = "49b60aec1748e9b6e6e00b565949ab4f96ebfb1c"
REFERENCE = "DataLoader, float32"
FIRST_NAME, TRAIN_NAME = "the first glyphvae train, float32", "glyphvae train, bfloat16"
# Trains with it in a process of its own; arguments: the folder with its packages, images, epochs, threads.
FIRST_PROGRAM = """
import sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
from training.dataset import Dataset, Split
from training.trainer import Hardware, TrainingConfig, fit
images, epochs, threads = map(int, sys.argv[2:])
rng, labels = np.random.default_rng(0), tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
train, held_out = (
    Split(rng.integers(0, 256, (n, 28, 28), np.uint8), np.arange(n, dtype=np.int64) % 36) for n in (images, 256)
)
data = Dataset("alphanumeric", labels, train, held_out, held_out, "0" * 64, ("random",))
with tempfile.TemporaryDirectory() as folder:
    fit("cvae", {}, data, Path(folder) / "run", TrainingConfig(epochs=epochs), Hardware("cpu", threads=threads))
"""


# Trains on a data set for a number of epochs.
Train = Callable[[Dataset, int], None]


def random_data(images: int) -> Dataset:
    """Draw random images with all labels."""
    rng = np.random.default_rng(0)

    def split(count: int) -> Split:
        pixels = rng.integers(0, 256, (count, 28, 28), np.uint8)
        return Split(pixels, np.arange(count, dtype=np.int64) % len(LABELS))

    held_out = split(BATCH)
    return Dataset("alphanumeric", LABELS, split(images), held_out, held_out, "0" * 64, ("random",))


def first_loop(data: Dataset, epochs: int) -> None:
    """Train with the reference: a `DataLoader` that converts and collates image by image, in float32."""

    def collate(batch: list[tuple[Any, int]]) -> list[Tensor]:
        images: list[Tensor] = default_collate([(torch.from_numpy(pixels).float() / 255, y) for pixels, y in batch])
        return images

    pairs: Any = list(zip(data.train.images, data.train.labels.tolist(), strict=True))
    loader: Any = DataLoader(pairs, BATCH, shuffle=True, drop_last=True, collate_fn=collate)
    _steps(Batch(x, label) for _ in range(epochs) for x, label in loader)


def plain_steps(data: Dataset, epochs: int) -> None:
    """Train on our batches without anything around the steps."""
    batches = Batches(data.train, BATCH, torch.device("cpu"), seed=0, balanced=True)
    _steps(batch for _ in range(epochs) for batch in batches)


def _steps(batches: Any) -> None:  # noqa: ANN401 (any iterable of batches)
    model = CVAE(CONFIG).train()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    noise = torch.Generator().manual_seed(0)
    for batch in batches:
        optimiser.zero_grad()
        mu, logvar = model.encode(batch.x, batch.label)
        logits = model.decode(reparameterise(mu, logvar, noise), batch.label)
        loss(logits, batch.x, mu, logvar, 1.0).total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def shipped(precision: str, threads: int) -> Train:
    """Return the training of `glyphvae train`: checkpoints, pictures and measures of every epoch included."""

    def run(data: Dataset, epochs: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            hardware = Hardware(accelerator="cpu", precision=precision, threads=threads)
            config = TrainingConfig(epochs=epochs, batch_size=BATCH)
            fit("cvae", CONFIG.to_dict(), data, Path(folder) / "run", config, hardware)

    return run


@contextmanager
def first_version(threads: int) -> Iterator[Train | None]:
    """Unpack this project's first version of training to run on the same libraries; None where git lacks it."""
    packed = subprocess.run(["git", "archive", FIRST, "training"], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        console.print("the first version of training is left out: git does not have it here")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")

        def run(data: Dataset, epochs: int) -> None:
            numbers = (str(number) for number in (len(data.train), epochs, threads))
            command = [sys.executable, "-W", "ignore", "-c", FIRST_PROGRAM, folder, *numbers]
            subprocess.run(command, cwd=folder, capture_output=True, check=True)

        yield run


def measure(rounds: int = 3, images: int = EPOCH, threads: int = 2, side: int = 2048) -> dict[str, Any]:
    """Measure seconds of an epoch of each way to train, in turns; all ratios are to the first.

    An epoch is the difference between a run of two epochs and one of one, which leaves the start out.

    Args:
        rounds: Turns of each.
        images: Random images in an epoch; the result is scaled to those of the 36 classes.
        threads: Of PyTorch.
        side: Rows and columns of the matrices whose product is the peak.
    """
    torch.set_num_threads(threads)
    data = random_data(images)
    with first_version(threads) as first:
        variants: dict[str, Train] = {
            REFERENCE: first_loop,
            **({FIRST_NAME: first} if first else {}),
            "our batches alone, float32": plain_steps,
            "glyphvae train, float32": shipped("32-true", threads),
            TRAIN_NAME: shipped("bf16-mixed", threads),
        }
        seconds: dict[str, list[float]] = {name: [] for name in variants}
        for number in range(rounds):
            for name in rotated(list(variants), number):
                once, twice = (_seconds(partial(variants[name], data, epochs)) for epochs in (1, 2))
                seconds[name].append((twice - once) * EPOCH / images)
            console.print(f"round {number + 1} of {rounds}")
    peak = {"32-true": _peak(torch.float32, side), "bf16-mixed": _peak(torch.bfloat16, side)}
    flop = flop_per_image()
    figures = []
    for name, taken in seconds.items():
        rate = EPOCH / float(np.median(taken))
        share = rate * flop / peak["bf16-mixed" if name == TRAIN_NAME else "32-true"]
        facts = {"variant": name, "seconds": taken, "ratios": ratios(taken, seconds[REFERENCE])}
        figures.append({**facts, "images_per_second": rate, "share_of_peak": share})
    return {"images": EPOCH, "flop_per_image": flop, "peak_flop_per_second": peak, "variants": figures}


def flop_per_image() -> int:
    """Count a multiplication and an addition of every matrix product, forward once and backward twice."""
    model = CVAE(CONFIG)
    return 6 * sum(module.weight.numel() for module in model.modules() if isinstance(module, torch.nn.Linear))


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _peak(dtype: torch.dtype, side: int, repeats: int = 5) -> float:
    """Return the floating-point operations a second in a large matrix product, the best of some."""
    a, b = (torch.randn(side, side).to(dtype) for _ in range(2))
    return 2 * side**3 / min(_seconds(lambda: torch.mm(a, b)) for _ in range(repeats))
