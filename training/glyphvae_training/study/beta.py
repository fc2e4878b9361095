"""Figures 5 and 6: the effect of beta on rate, distortion, latents and samples."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Dataset, Split, balanced, pick
from glyphvae_training.evaluation.coder import Coder
from glyphvae_training.evaluation.evaluate import PAIRS
from glyphvae_training.export.exported import Floats, posterior_sample
from glyphvae_training.judges.judge import Judge
from glyphvae_training.measures.measure import accuracy
from glyphvae_training.study.coding import REDUCTION, class_means, coding, distance_to_mean, samples
from glyphvae_training.study.context import StudyContext
from glyphvae_training.study.figures import legend, scatter, show, tiled
from glyphvae_training.study.latents import neighbour_accuracy, plane
from glyphvae_training.study.plan import beta_plans
from glyphvae_training.study.theory import checks, not_converged
from glyphvae_training.study.train import BALANCED, subsample

Json = dict[str, Any]

SHOWN = "0258AEJRSZ"
EACH = 3


def beta(context: StudyContext) -> Json:
    """Train a model for each beta, measure all of them, and draw figures 5 and 6."""
    names = {plan.training.beta: plan.name for plan in beta_plans(context.schedule)}
    models: dict[float, Coder] = {beta: context.model(name) for beta, name in names.items()}
    data, judge = context.dataset("alphanumeric"), context.judge()
    characters = subsample(data.test, context.schedule.points)
    rows, planes = [], {}
    for beta, model in context.track(list(models.items()), "betas"):
        z = posterior_sample(*model.encode(characters.images, characters.labels), np.random.default_rng(0))
        planes[beta] = plane(z)
        measured = measure(model, data, judge, context.schedule.samples)
        separation = neighbour_accuracy(z, characters.labels)
        rows.append(context.facts(names[beta]) | {"neighbour_accuracy": separation} | measured)
    context.figure("figure-5", side_by_side(planes, characters.labels, data.test, data.labels, models))
    context.figure("figure-5-rate-distortion", rate_distortion(rows))
    context.figure("figure-6", variances(rows))
    result: Json = {"reduction": REDUCTION, "characters": len(characters), "samples": context.schedule.samples}
    found = checks(theory_rows(rows))
    verdicts = [check.verdict for check in found]
    result["not_converged"] = not_converged(found)
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
    planes: dict[float, Floats],
    labels: NDArray[np.int64],
    held_out: Split,
    names: tuple[str, ...],
    models: dict[float, Coder],
) -> Figure:
    """Draw a column for each beta: its latents, reconstructions of the same real characters, and samples.

    A row of a grid is a label. The columns of the reconstructions are real characters, which the first panel shows;
    those of the samples are latents, the same for every beta.

    Args:
        planes: of each beta, the latents of the characters through t-SNE, (n, 2).
        labels: of these characters, (n,).
        held_out: characters of every label; the first of each are reconstructed.
        names: the character of each label.
        models: of each beta.
    """
    figure = Figure(figsize=(1.9 * (len(planes) + 1), 12.5), layout="constrained")
    panels = figure.subplots(3, len(planes) + 1, height_ratios=[1, 3.2, 3.2])
    shown = np.repeat([names.index(name) for name in SHOWN], EACH)
    # A small sample may have fewer of a label.
    rows = [np.resize(np.flatnonzero(held_out.labels == label), EACH) for label in shown[::EACH]]
    originals = pick(held_out, np.concatenate(rows))
    latents = next(iter(models.values())).latent_size
    style = np.random.default_rng(0).standard_normal((EACH, latents), dtype=np.float32)
    panels[0, 0].set_axis_off()
    legend(panels[0, 0], names, centred=True)
    show(panels[1, 0], tiled(originals.images, EACH), "real characters")
    panels[2, 0].set_axis_off()
    for column, (beta, model) in enumerate(models.items(), start=1):
        scatter(panels[0, column], planes[beta], labels, names)
        panels[0, column].set(title=f"β = {beta:g}", xlabel="t-SNE 1", ylabel="t-SNE 2", xticks=[], yticks=[])
        mu, _ = model.encode(originals.images, originals.labels)
        show(panels[1, column], tiled(model.decode(mu, originals.labels)[0], EACH), "reconstructions")
        show(panels[2, column], tiled(model.decode(np.tile(style, (len(SHOWN), 1)), shown)[0], EACH), "samples")
    return figure


def rate_distortion(rows: list[Json]) -> Figure:
    """Draw distortion against rate, a point for each beta, and active units and label accuracy against beta."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    curve, effect = figure.subplots(1, 2)
    curve.plot([row["rate"] for row in rows], [row["distortion"] for row in rows], "o-")
    places: dict[tuple[float, float], list[str]] = {}
    for row in rows:  # those of the largest betas lie on each other
        places.setdefault((round(row["rate"], 1), round(row["distortion"])), []).append(f"{row['beta']:g}")
    for place, betas in places.items():
        curve.annotate(f"β = {', '.join(betas)}", place, xytext=(5, 5), textcoords="offset points", fontsize=8)
    curve.set(xlabel="rate: KL, nats per image", ylabel="distortion: −log p(x|z), nats per image")
    curve.margins(0.2, 0.12)
    betas = [row["beta"] for row in rows]
    effect.plot(betas, [row["active_units"] for row in rows], "s-", color="C2")
    effect.set(xscale="log", xlabel="β", ylabel="active units", ylim=(-0.2, rows[0]["latent_size"] + 0.2))
    other = effect.twinx()
    other.plot(betas, [100 * row["label_accuracy_merged"] for row in rows], "o-", color="C1")
    other.set_ylabel("label accuracy of samples, %, 0/O and 1/I merged", color="C1")
    effect.yaxis.label.set_color("C2")
    return figure


def variances(rows: list[Json]) -> Figure:
    """Draw the variance of mu and mean sigma² of each latent, a panel for each beta."""
    columns = -(-(len(rows) + 1) // 2)
    figure = Figure(figsize=(3 * columns, 6), layout="constrained")
    panels = figure.subplots(2, columns, sharey=True).flat
    for axes, row in zip(panels, rows, strict=False):
        place = np.arange(row["latent_size"])
        axes.bar(place - 0.2, row["mu_variance_per_unit"], 0.4, label="variance of mu")
        axes.bar(place + 0.2, row["mean_variance_per_unit"], 0.4, label="mean sigma²")
        axes.axhline(1, color="0.6", linewidth=0.8, linestyle="--", label="variance of the prior")
        axes.set_title(f"β = {row['beta']:g}", fontsize=12)
        axes.set_xticks(place, [f"x{unit + 1}" for unit in place], fontsize=11)
        axes.set(ylim=(0, 1.1), ylabel="variance")
    for axes in figure.axes[len(rows) :]:
        axes.set_axis_off()
    figure.axes[len(rows)].legend(*figure.axes[0].get_legend_handles_labels(), loc="center", frameon=False, fontsize=12)
    return figure
