"""Images a second in training, beside what came first, and the share of the processor's arithmetic.

The model is the autoencoder of `cvae`, on random images: what they show does not change what they cost. What came first
is the loop that people write first, and this project's own first version, which git still has.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from benchmarks.rounds import ratios, rotated
from benchmarks.stage import console
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
FIRST_NAME, TRAIN_NAME = "the first glyphvae train, float32", "glyphvae train, bfloat16"
# What trains with it, in a process of its own: the folder with its packages, images, epochs, threads.
FIRST_PROGRAM = """
import sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.fitting.trainer import Hardware, TrainingConfig, fit
images, epochs, threads = map(int, sys.argv[2:])
rng, labels = np.random.default_rng(0), tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
train, held_out = (
    Split(rng.integers(0, 256, (n, 28, 28), np.uint8), np.arange(n, dtype=np.int64) % 36) for n in (images, 256)
)
data = Dataset("alphanumeric", labels, train, held_out, held_out, "0" * 64, ("random",))
with tempfile.TemporaryDirectory() as folder:
    fit("cvae", {}, data, Path(folder) / "run", TrainingConfig(epochs=epochs), Hardware("cpu", threads=threads))
"""


@dataclass(frozen=True)
class Variant:
    """A way to train.

    Attributes:
        name: What tables call it.
        precision: Lightning's.
        run: Trains on a split; given the number of epochs.
    """

    name: str
    precision: str
    run: Callable[[Dataset, int], None]


class OneByOne(TorchDataset[tuple[Tensor, int]]):
    """The images of a split, converted one at a time."""

    def __init__(self, split: Split) -> None:
        self._split = split

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """An image (28, 28) in [0, 1] and its label."""
        return torch.from_numpy(self._split.images[index]).float() / 255, int(self._split.labels[index])


def random_data(images: int) -> Dataset:
    """Random images with all labels."""
    rng = np.random.default_rng(0)

    def split(count: int) -> Split:
        pixels = rng.integers(0, 256, (count, 28, 28), np.uint8)
        return Split(pixels, np.arange(count, dtype=np.int64) % len(LABELS))

    held_out = split(BATCH)
    return Dataset("alphanumeric", LABELS, split(images), held_out, held_out, "0" * 64, ("random",))


def first_loop(data: Dataset, epochs: int) -> None:
    """The reference: a `DataLoader` that converts and collates image by image, in float32."""
    loader = DataLoader(OneByOne(data.train), BATCH, shuffle=True, drop_last=True)
    _steps((Batch(x, label) for _ in range(epochs) for x, label in loader))


def plain_steps(data: Dataset, epochs: int) -> None:
    """Our batches without anything around the steps."""
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


def shipped(precision: str, threads: int) -> Callable[[Dataset, int], None]:
    """`glyphvae train`: checkpoints, pictures and measures of every epoch included."""

    def run(data: Dataset, epochs: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            hardware = Hardware(accelerator="cpu", precision=precision, threads=threads)
            config = TrainingConfig(epochs=epochs, batch_size=BATCH)
            fit("cvae", CONFIG.to_dict(), data, Path(folder) / "run", config, hardware)

    return run


@contextmanager
def first_version(threads: int) -> Iterator[list[Variant]]:
    """This project's first version of training, on the same libraries; none where git does not have it."""
    root = Path(__file__).parents[1]
    packed = subprocess.run(["git", "archive", FIRST, "training"], cwd=root, capture_output=True, check=False)
    if packed.returncode:
        console.print("the first version of training is left out: git does not have it here")
        yield []
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")

        def run(data: Dataset, epochs: int) -> None:
            numbers = (str(number) for number in (len(data.train), epochs, threads))
            command = [sys.executable, "-W", "ignore", "-c", FIRST_PROGRAM, folder, *numbers]
            subprocess.run(command, cwd=folder, capture_output=True, check=True)

        yield [Variant(FIRST_NAME, "32-true", run)]


def measure(rounds: int, images: int, threads: int) -> dict[str, Any]:
    """Seconds of an epoch of each variant, taking turns.

    An epoch is what two epochs take longer than one: starting up is left out.

    Args:
        rounds: How often each has its turn.
        images: In an epoch; the result is scaled to that of the 36 classes.
        threads: PyTorch's.
    """
    with first_version(threads) as first:
        variants = [
            Variant("DataLoader, float32", "32-true", first_loop),
            *first,
            Variant("our batches alone, float32", "32-true", plain_steps),
            Variant("glyphvae train, float32", "32-true", shipped("32-true", threads)),
            Variant(TRAIN_NAME, "bf16-mixed", shipped("bf16-mixed", threads)),
        ]
        return measure_variants(variants, rounds, images, threads)


def measure_variants(variants: Sequence[Variant], rounds: int, images: int, threads: int) -> dict[str, Any]:
    """As `measure`; all ratios are to the first variant."""
    torch.set_num_threads(threads)
    data = random_data(images)
    seconds: dict[str, list[float]] = {variant.name: [] for variant in variants}
    by_name = {variant.name: variant for variant in variants}
    for number in range(rounds):
        for name in rotated(list(by_name), number):
            once, twice = (_timed(by_name[name], data, epochs) for epochs in (1, 2))
            seconds[name].append((twice - once) * EPOCH / images)
        console.print(f"round {number + 1} of {rounds}")
    peak = {
        precision: _peak(dtype) for precision, dtype in (("32-true", torch.float32), ("bf16-mixed", torch.bfloat16))
    }
    flop = flop_per_image()
    figures = [
        {
            "variant": variant.name,
            "seconds": seconds[variant.name],
            "ratios": ratios(seconds[variant.name], seconds[variants[0].name]),
            "images_per_second": EPOCH / float(np.median(seconds[variant.name])),
            "share_of_peak": EPOCH * flop / float(np.median(seconds[variant.name])) / peak[variant.precision],
        }
        for variant in variants
    ]
    return {"images": EPOCH, "flop_per_image": flop, "peak_flop_per_second": peak, "variants": figures}


def flop_per_image() -> int:
    """Of the matrix products: a multiplication and an addition each, forward once and backward twice."""
    model = CVAE(CONFIG)
    return 6 * sum(module.weight.numel() for module in model.modules() if isinstance(module, torch.nn.Linear))


def _timed(variant: Variant, data: Dataset, epochs: int) -> float:
    began = perf_counter()
    variant.run(data, epochs)
    return perf_counter() - began


def _peak(dtype: torch.dtype, side: int = 2048, repeats: int = 5) -> float:
    """Floating-point operations a second in a large matrix product, the best of some."""
    a, b = (torch.randn(side, side).to(dtype) for _ in range(2))
    taken = []
    for _ in range(repeats):
        began = perf_counter()
        torch.mm(a, b)
        taken.append(perf_counter() - began)
    return 2 * side**3 / min(taken)
