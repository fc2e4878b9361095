"""Comparison of decoders on quality and latency, written to docs/decoders.md.

Every run is exported and measured as it would ship.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.evaluation.evaluate import PAIRS, evaluate_model
from glyphvae_training.evaluation.report import percent, table
from glyphvae_training.export.export import export_run
from glyphvae_training.export.exported import Exported, read_exported
from glyphvae_training.fitting.runs import Run
from glyphvae_training.judges.judge import Judge
from glyphvae_training.measures.timing import ROUNDS, decoder_call, interleaved
from glyphvae_training.models.cvae import CVAEConfig
from glyphvae_training.models.pen import PenConfig
from glyphvae_training.models.vae import VAEConfig

BATCHES = (1, 32)
REFERENCE = "conv"
INTRODUCTION = """\
The conditional VAE on one data set, for one number of epochs, with decoders
from three matrix products to the mirror of the paper's two convolutions. The paper's own encoder (two convolutional
layers) with that mirror is the baseline."""
CHOICE = """\
## What ships

`residual`: it is best on both measures of quality, and at batch 32, where a busy service works, still faster than the
convolutional decoder. What it costs more than `dense`, it gives back in nats and in samples that are read as what they
should be; `dense` is the choice where those microseconds count more. A convolution of few channels is fast for one
image and gains little from batches. The baseline was trained in bfloat16 mixed precision, the others in float32.

The times here are those of float32. On a CPU the service runs the shipped decoder in 8-bit integers
(`glyphvae quantise`), which takes about half the time in batches and three quarters for a single glyph, and costs
about a fifth of a nat; docs/benchmarks.md has both times, in the same run."""


@dataclass(frozen=True)
class Candidate:
    """Trained decoder with its measurements.

    Attributes:
        encoder: by name.
        decoder: by name.
        epochs: trained.
        parameters: of the decoder.
        microseconds: per image, median over rounds, by batch size.
        ratio: of that time to the reference decoder's, by batch size.
        metrics: as `glyphvae_training.evaluation.evaluate` gives them.
    """

    encoder: str
    decoder: str
    epochs: int
    parameters: int
    microseconds: dict[int, float]
    ratio: dict[int, float]
    metrics: dict[str, Any]

    @property
    def negative_elbo(self) -> float:
        """Nats per image."""
        return float(self.metrics["negative_elbo"]["value"])

    @property
    def label_accuracy(self) -> float:
        """Label accuracy of the samples with 0/O and 1/I merged, mean over judges."""
        judges = self.metrics["judges"].values()
        return float(np.mean([judge["samples"]["merged"][PAIRS]["value"] for judge in judges]))


def config_of(run: Run) -> VAEConfig | CVAEConfig:
    """Return the config of a run whose encoder and decoder have names."""
    config = run.model.config
    assert not isinstance(config, PenConfig)  # noqa: S101 (its decoder gives strokes)
    return config


def compare(
    runs: Sequence[Run], data: Dataset, judges: Sequence[Judge], *, samples: int = 300, rounds: int = ROUNDS
) -> list[Candidate]:
    """Export each run into a temporary folder and measure the exported model.

    Args:
        runs: conditional models of the same data; at least one with the reference decoder.
        data: what they were trained on.
        judges: who reads the samples.
        samples: of each label.
        rounds: of the timing.

    Returns:
        A candidate for each run, the fastest at the largest batch first.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{number}-{config_of(run).decoder}" for number, run in enumerate(runs)]
        for name, run in zip(names, runs, strict=True):
            export_run(run, data, Path(folder), name)
        models = [read_exported(Path(folder), name) for name in names]
        metrics = [evaluate_model(model, data.test, judges, {}, samples_per_label=samples).metrics for model in models]
        times = {batch: time_decoders(models, batch, rounds) for batch in BATCHES}
    reference = next(index for index, run in enumerate(runs) if config_of(run).decoder == REFERENCE)
    candidates = [
        Candidate(
            encoder=config_of(run).encoder,
            decoder=config_of(run).decoder,
            epochs=run.epochs,
            parameters=sum(weight.numel() for weight in run.model.decoder.parameters()),
            microseconds={batch: 1e6 * float(np.median(taken[index])) for batch, taken in times.items()},
            ratio={batch: float(np.median(taken[index] / taken[reference])) for batch, taken in times.items()},
            metrics=metrics[index],
        )
        for index, run in enumerate(runs)
    ]
    return sorted(candidates, key=lambda candidate: candidate.ratio[BATCHES[-1]])


def time_decoders(models: Sequence[Exported], batch: int, rounds: int) -> list[NDArray[np.float64]]:
    """Return the seconds per image in each round, (rounds,) for each model."""
    rng = np.random.default_rng(0)
    calls = {
        str(index): decoder_call(model.decoder, model.latent_size, batch, rng) for index, model in enumerate(models)
    }
    taken = interleaved(calls, rounds=rounds)
    return [taken[str(index)] / batch for index in range(len(models))]


def pareto(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that no faster or equally fast one beats in -ELBO, in the order given."""
    return [
        one
        for one in candidates
        if not any(
            other.ratio[BATCHES[-1]] <= one.ratio[BATCHES[-1]] and other.negative_elbo < one.negative_elbo
            for other in candidates
        )
    ]


def write_page(docs: Path, candidates: Sequence[Candidate]) -> None:
    """Write decoders.md and images/decoders.svg."""
    (docs / "images").mkdir(parents=True, exist_ok=True)
    (docs / "decoders.md").write_text(page(candidates), encoding="utf-8")
    # A fixed salt and no date: the same numbers give the same file.
    with mpl.rc_context({"svg.hashsalt": "decoders", "svg.fonttype": "none"}):
        plot(candidates).savefig(docs / "images" / "decoders.svg", metadata={"Date": None})


def page(candidates: Sequence[Candidate]) -> str:
    """Format the page as Markdown."""
    best = pareto(candidates)
    protocol = candidates[0].metrics["protocol"]
    judges = " and ".join(candidates[0].metrics["judges"])
    rows = [
        [
            f"**{one.decoder}**" if one in best else one.decoder,
            one.encoder,
            str(one.epochs),
            f"{one.parameters / 1e6:.2f} M",
            *(f"{one.microseconds[batch]:.1f} ({one.ratio[batch]:.2f})" for batch in BATCHES),
            f"{one.negative_elbo:.2f}",
            f"{one.metrics['mse']['value']:.4f}",
            percent(one.label_accuracy),
            worst(one),
        ]
        for one in candidates
    ]
    head = ["decoder", "encoder", "epochs", "decoder parameters"]
    head += [f"µs per image, batch {batch} (ratio to {REFERENCE})" for batch in BATCHES]
    head += ["−ELBO, nats", "pixel MSE", "label accuracy", "worst label"]
    return f"""\
# Decoders: quality against latency

Written by `python -m glyphvae_training.commands.decoder_study`. {INTRODUCTION}

{table(head, rows)}

![−ELBO and label accuracy against time per image](images/decoders.svg)

In bold: no other decoder is at least as fast at batch {BATCHES[-1]} and better in −ELBO. Time is that of the
exported graph from latents to 8-bit pixels in ONNX Runtime on one CPU thread, the median of {ROUNDS} rounds in which
the decoders take turns; the ratio is the median of the ratios within a round, which other work on the machine hardly
moves. −ELBO and MSE are means over {protocol["held_out_images"]:,} held-out characters. Label accuracy is that of
{protocol["samples_per_label"]} fresh samples of each label at temperature 1 with 0/O and 1/I merged, as read by the
{judges} judge, the mean where there are two; [models.md](models.md) defines all of them.

{CHOICE}
"""


def worst(candidate: Candidate) -> str:
    """Return the label that any judge reads worst in the samples, with its accuracy."""
    worsts = [judge["samples"]["worst_merged"] for judge in candidate.metrics["judges"].values()]
    lowest = min(worsts, key=lambda entry: float(entry["accuracy"]))
    return f"{lowest['label']} {percent(lowest['accuracy'])}"


def plot(candidates: Sequence[Candidate]) -> Figure:
    """Plot -ELBO and label accuracy of each candidate against its time per image at the largest batch."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    best = pareto(candidates)
    for axes, values, name in (
        (left, [one.negative_elbo for one in candidates], "−ELBO, nats per image (lower is better)"),
        (right, [100 * one.label_accuracy for one in candidates], "label accuracy, % (higher is better)"),
    ):
        for one, value in zip(candidates, values, strict=True):
            time = one.microseconds[BATCHES[-1]]
            axes.plot(time, value, "o", color="C0" if one in best else "0.6")
            text = one.decoder if one.encoder == candidates[0].encoder else f"{one.decoder} ({one.encoder} encoder)"
            axes.annotate(text, (time, value), xytext=(6, 4), textcoords="offset points", fontsize=8)
        axes.set(xscale="log", xlabel=f"µs per image at batch {BATCHES[-1]}, one CPU thread", ylabel=name)
        axes.margins(0.25)
        axes.grid(alpha=0.3)
    return figure
