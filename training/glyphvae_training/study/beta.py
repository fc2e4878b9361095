"""Figures 5 and 6: the effect of beta on rate, distortion, latents and samples."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.evaluation.coder import Coder
from glyphvae_training.evaluation.evaluate import ACTIVE_VARIANCE, PAIRS
from glyphvae_training.export.exported import Floats, posterior_sample
from glyphvae_training.judges.judge import Judge
from glyphvae_training.measures.measure import accuracy
from glyphvae_training.study.coding import REDUCTION, class_means, coding, distance_to_mean, samples
from glyphvae_training.study.context import StudyContext
from glyphvae_training.study.figures import scatter, show, tiled
from glyphvae_training.study.latents import neighbour_accuracy, plane
from glyphvae_training.study.plan import BETAS, CVAE_LATENTS
from glyphvae_training.study.theory import checks
from glyphvae_training.study.train import BALANCED, balanced, subsample

Json = dict[str, Any]

SHOWN = "0258AEJRSZ"
EACH = 3


def beta(context: StudyContext) -> Json:
    """Train a model for each beta, measure all of them, and draw figures 5 and 6."""
    models: dict[float, Coder] = {beta: context.model(f"cvae-beta-{beta:g}") for beta in BETAS}
    data, judge = context.dataset("alphanumeric"), context.judge()
    characters = subsample(data.test, context.schedule.points)
    rows, planes = [], {}
    for beta, model in context.track(list(models.items()), "betas"):
        z = posterior_sample(*model.encode(characters.images, characters.labels), np.random.default_rng(0))
        planes[beta] = plane(z)
        measured = measure(model, data, judge, context.schedule.samples)
        separation = neighbour_accuracy(z, characters.labels)
        rows.append(context.facts(f"cvae-beta-{beta:g}") | {"neighbour_accuracy": separation} | measured)
    context.figure("figure-5", side_by_side(planes, characters.labels, data.labels, models))
    context.figure("figure-5-rate-distortion", rate_distortion(rows))
    context.figure("figure-6", variances(rows))
    result = {"reduction": REDUCTION, "characters": len(characters), "samples": context.schedule.samples}
    verdicts = [vars(check) for check in checks(theory_rows(rows))]
    context.record("beta", result, {"models": rows, "checks": verdicts})
    return {**result, "models": rows, "checks": verdicts}


def measure(coder: Coder, data: Dataset, judge: Judge, each: int) -> Json:
    """Measure one model on held-out characters, on its training characters, and on fresh samples."""
    rng = np.random.default_rng(0)
    drawn = samples(coder, each, rng)
    read = accuracy(judge.predict(drawn.images), drawn.labels, judge.labels, rng)
    average = class_means(data.train, len(data.labels))
    trained_on = coding(coder, balanced(data.train, BALANCED), rng)
    return coding(coder, data.test, rng) | {
        "label_accuracy": read["accuracy"]["value"],
        "label_accuracy_merged": read["merged"][PAIRS]["value"],
        "distance_to_mean": distance_to_mean(coder, average, rng),
        **{f"trained_on_{name}": value for name, value in trained_on.items()},
    }


def theory_rows(rows: list[Json]) -> list[Json]:
    """Return the rows with the measurements of training characters in place of those of held-out ones.

    What training has come to rest at is a fact about the characters it saw, in the proportions in which it saw them.
    """
    prefix = "trained_on_"
    return [row | {key.removeprefix(prefix): row[key] for key in row if key.startswith(prefix)} for row in rows]


def side_by_side(
    planes: dict[float, Floats], labels: NDArray[np.int64], names: tuple[str, ...], models: dict[float, Coder]
) -> Figure:
    """Draw for each beta its latents, through t-SNE, above its samples: a row a label, a column a latent."""
    figure = Figure(figsize=(2.1 * len(planes), 9), layout="constrained")
    panels = figure.subplots(2, len(planes), height_ratios=[1, 3.2])
    shown = np.repeat([names.index(name) for name in SHOWN], EACH)
    style = np.random.default_rng(0).standard_normal((EACH, CVAE_LATENTS), dtype=np.float32)
    for column, (beta, model) in enumerate(models.items()):
        scatter(panels[0, column], planes[beta], labels, names)
        panels[0, column].set(title=f"β = {beta:g}", aspect="auto")
        show(panels[1, column], tiled(model.decode(np.tile(style, (len(SHOWN), 1)), shown)[0], EACH))
    return figure


def rate_distortion(rows: list[Json]) -> Figure:
    """Draw distortion against rate, a point for each beta, and active units and label accuracy against beta."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    curve, effect = figure.subplots(1, 2)
    curve.plot([row["rate"] for row in rows], [row["distortion"] for row in rows], "o-")
    for row in rows:
        place = (row["rate"], row["distortion"])
        curve.annotate(f"β = {row['beta']:g}", place, xytext=(5, 5), textcoords="offset points", fontsize=8)
    curve.set(xlabel="rate: KL, nats per image", ylabel="distortion: −log p(x|z), nats per image")
    curve.margins(0.12)
    betas = [row["beta"] for row in rows]
    effect.plot(betas, [row["active_units"] for row in rows], "s-", color="C2")
    effect.set(xscale="log", xlabel="β", ylabel="active units", ylim=(-0.2, CVAE_LATENTS + 0.2))
    other = effect.twinx()
    other.plot(betas, [100 * row["label_accuracy_merged"] for row in rows], "o-", color="C1")
    other.set_ylabel("label accuracy of samples, %, 0/O and 1/I merged", color="C1")
    effect.yaxis.label.set_color("C2")
    return figure


def variances(rows: list[Json]) -> Figure:
    """Draw the variance of mu and mean sigma² of each latent, for each beta."""
    figure = Figure(figsize=(2.1 * len(rows), 3.2), layout="constrained")
    for axes, row in zip(figure.subplots(1, len(rows), sharey=True), rows, strict=True):
        place = np.arange(row["latent_size"])
        axes.bar(place - 0.2, row["mu_variance_per_unit"], 0.4, label="Var[mu]")
        axes.bar(place + 0.2, row["mean_variance_per_unit"], 0.4, label="E[sigma²]")
        axes.axhline(ACTIVE_VARIANCE, color="0.6", linewidth=0.8)
        axes.set(title=f"β = {row['beta']:g}", xticks=place, xticklabels=[f"x{unit + 1}" for unit in place])
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure
