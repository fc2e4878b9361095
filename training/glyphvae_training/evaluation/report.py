"""The report of an evaluation: Markdown tables and images."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.evaluate import Evaluation
from glyphvae_training.measures.measure import merges
from glyphvae_training.measures.pictures import save_grid

Json = dict[str, Any]

COLUMNS = 12
MEANS = {
    "negative_elbo": "−ELBO, nats per image",
    "reconstruction": "reconstruction, nats per image",
    "kl": "KL, nats per image",
    "mse": "pixel MSE at z = mu",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(label: str) -> str:
    """Return a label as it stands in a table: a combining mark has a dotted circle, a vertical bar is escaped."""
    return f"◌{label}" if unicodedata.combining(label[0]) else label.replace("|", "\\|")


def percent(share: float) -> str:
    """Format 0.97123 as "97.1 %"."""
    return f"{100 * share:.1f} %"


def percent_interval(measure: Json) -> str:
    """Format an accuracy with its interval and sample size."""
    return f"{percent(measure['value'])} ({percent(measure['low'])} – {percent(measure['high'])}, n = {measure['n']:,})"


def metrics_report(labels: Sequence[str], metrics: Json) -> str:
    """Format all metrics as Markdown tables under headings of the third level.

    Args:
        labels: the model's characters.
        metrics: `Evaluation.metrics`.
    """
    sections = [held_out_section(metrics), latents_section(metrics)]
    if "sharpness" in metrics:
        sections.append(fidelity_section(metrics))
    if metrics["judges"]:
        sections += [judges_section(metrics), labels_section(labels, metrics)]
    return "\n\n".join(sections)


def held_out_section(metrics: Json) -> str:
    """Format the means over held-out images."""
    rows = [
        [name, f"{value['value']:.5g}", f"{value['low']:.5g} – {value['high']:.5g}"]
        for name, value in ((text, metrics[key]) for key, text in MEANS.items())
    ]
    images = metrics["protocol"]["held_out_images"]
    return f"### {images:,} held-out characters\n\n" + table(["", "mean", "95 % interval"], rows)


def latents_section(metrics: Json) -> str:
    """Format the statistics of the latents, a row each."""
    columns = (metrics[f"{key}_per_unit"] for key in ("kl", "mu_variance", "second_moment"))
    rows = [
        [str(unit), *(f"{value:.3f}" for value in values)]
        for unit, values in enumerate(zip(*columns, strict=True), start=1)
    ]
    active = f"### Latents: {metrics['active_units']} of {len(rows)} active\n\n"
    return active + table(["unit", "KL, nats", "variance of mu", "second moment"], rows)


def fidelity_section(metrics: Json) -> str:
    """Format the comparison of samples with real characters."""
    rows = [*diversity_rows(metrics), *ink_rows(metrics), *elbo_rows(metrics)]
    return "### Fresh samples beside real characters\n\n" + table(["", "samples", "real characters"], rows)


def diversity_rows(metrics: Json) -> Iterable[list[str]]:
    """Yield the rows that need a judge's features or a trained classifier; none where there was no judge."""
    if "frechet" not in metrics:
        return
    frechet = metrics["frechet"]
    name = f"Fréchet distance, {metrics['features']} judge's features, n = {frechet['n']:,}"
    yield [name, f"{frechet['value']:.3g}", f"{frechet['real_half_split']:.3g} (two halves)"]
    for key in ("precision", "recall", "density", "coverage"):
        measure = metrics[key]
        yield [key, f"{measure['value']:.3f} ({measure['low']:.3f} – {measure['high']:.3f})", ""]
    yield compared_row("spread within a label", metrics["spread_within_label"])
    yield compared_row("classification accuracy score", metrics["classification_accuracy"])


def ink_rows(metrics: Json) -> Iterable[list[str]]:
    """Yield the rows on sharpness, memorisation and style."""
    for name, key in (("share of grey pixels", "grey_share"), ("slope of edges, ink per pixel", "edge_slope")):
        entry = metrics["sharpness"][key]
        values = {side: entry[side]["value"] for side in ("samples", "real")}
        yield compared_row(name, values | {"ratio": entry["ratio"]})
    nearest = metrics["nearest_training_image"]
    yield compared_row("distance to the nearest training image, median", nearest)
    yield ["nearer to one than 99 % of real characters", percent(nearest["nearer_than_1_percent_of_real"]["value"]), ""]
    for name, entry in metrics.get("one_style", {}).items():
        text = f"{name.replace('_', ' ')}, digits and letters in one style"
        yield [text, f"{entry['digits']:.4g} and {entry['letters']:.4g} (ratio {entry['ratio']:.3f})", ""]


def elbo_rows(metrics: Json) -> Iterable[list[str]]:
    """Yield the rows on the ELBO and the classifier over real characters."""
    told = metrics["without_label"]
    if "label_accuracy_merged" in told:
        yield ["label read from the ELBO, look-alikes merged", "", percent_interval(told["label_accuracy_merged"])]
    if "classifier" in metrics:
        found = metrics["classifier"]
        yield ["label found by the classifier, look-alikes merged", "", percent_interval(found["accuracy_merged"])]
        yield ["the same, look-alikes apart", "", percent_interval(found["accuracy"])]
        yield ["the same, each label weighing the same", "", percent(found["mean_of_labels"])]
        floor = f" ({percent(found['calibration_floor'])} if exact)" if "calibration_floor" in found else ""
        yield ["what its probabilities are off by (calibration error)", "", percent(found["calibration_error"]) + floor]
    for name, value in told["auroc"].items():
        yield [f"characters told from {name} by the ELBO, AUROC", "", f"{value:.4f}"]
    bound = metrics["importance_weighted"]
    for name in ("grey", "binarised"):
        if name in bound:
            value = bound[name]
            text = f"−log p, {name} pixels, {bound['draws']:,} draws, n = {value['n']}, nats"
            yield [text, "", f"{value['value']:.2f} ({value['low']:.2f} – {value['high']:.2f})"]
    if "likelihood" in metrics:
        yield likelihood_row(metrics["likelihood"])


def likelihood_row(found: Json) -> list[str]:
    """Format the result of `glyphvae_training.evaluation.binarised_bound`."""
    name = (
        f"−log p, test digits binarised once, {found['draws']:,} draws, n = {found['n']:,}, nats (of which "
        f"{found['images_with_all_draws']:,} with all draws, the others with {found['few']['draws']})"
    )
    return [name, "", f"{found['value']:.2f} ({found['low']:.2f} – {found['high']:.2f})"]


def compared_row(name: str, entry: Json) -> list[str]:
    """Format a figure of samples beside that of real characters."""
    return [name, f"{entry['samples']:.4g} ({entry['ratio']:.3f} of real)", f"{entry['real']:.4g}"]


def judges_section(metrics: Json) -> str:
    """Format the label accuracy of samples beside that of reconstructions and real characters."""
    judges: Json = metrics["judges"]
    first = next(iter(judges.values()))
    rows = [["samples", *(percent_interval(judge["samples"]["accuracy"]) for judge in judges.values())]]
    merges: list[str] = list(first["samples"]["merged"])
    for pairs in merges:
        cells = (percent_interval(judge["samples"]["merged"][pairs]) for judge in judges.values())
        rows.append([f"samples, {pairs} merged", *cells])
    worst = (judge["samples"]["worst_merged"] for judge in judges.values())
    rows.append(["worst label of the samples", *(f"{w['label']}: {percent(w['accuracy'])}" for w in worst)])
    pairs = merges[0]
    cells = (percent_interval(judge["reconstructions"]["merged"][pairs]) for judge in judges.values())
    rows.append([f"reconstructions, {pairs} merged", *cells])
    cells = (percent_interval(judge["held_out"]["merged"][pairs]) for judge in judges.values())
    rows.append([f"held-out characters, {pairs} merged", *cells])
    means = (percent(judge["held_out"]["label_mean_merged"]) for judge in judges.values())
    rows.append([f"held-out characters, {pairs} merged, mean of labels", *means])
    for source in first["real"]:
        cells = (percent_interval(judge["real"][source]["merged"][pairs]) for judge in judges.values())
        rows.append([f"real {source}, {pairs} merged", *cells])
    samples = metrics["protocol"]["samples_per_label"]
    title = f"### Label accuracy, {samples} fresh samples of each label\n\n"
    seen = metrics["protocol"].get("judge_images")
    note = f"\n\nA judge here saw {seen:,} images in training, fewer than those of other cards." if seen else ""
    return title + table(["", *(f"{name} judge" for name in judges)], rows) + note


def labels_section(labels: Sequence[str], metrics: Json) -> str:
    """Format the label accuracy of samples by label, plain and with the first set of pairs merged."""
    judges: Json = metrics["judges"]
    rows = []
    for label in labels:
        cells = ((j["samples"]["per_label"][label], j["samples"]["per_label_merged"][label]) for j in judges.values())
        rows.append([shown(label), *(f"{percent(plain)} ({percent(merged)})" for plain, merged in cells)])
    title = f"### Label accuracy by label, in parentheses with {next(iter(merges(labels)))} merged\n\n"
    return title + table(["label", *(f"{name} judge" for name in judges)], rows)


def write_report(folder: Path, name: str, labels: Sequence[str], test: Split, evaluation: Evaluation) -> None:
    """Write metrics.json, report.md, samples.png and reconstructions.png.

    Args:
        folder: made if it is not there.
        name: of the model.
        labels: the model's characters.
        test: the held-out characters that were reconstructed.
        evaluation: what was measured.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metrics = json.dumps(evaluation.metrics, ensure_ascii=False, indent=2)
    (folder / "metrics.json").write_text(metrics + "\n", encoding="utf-8")
    report = f"# Evaluation of `{name}`\n\n{metrics_report(labels, evaluation.metrics)}\n"
    (folder / "report.md").write_text(report, encoding="utf-8")
    save_grid(folder / "samples.png", samples_grid(evaluation.samples), COLUMNS)
    save_grid(folder / "reconstructions.png", reconstructions_grid(test, evaluation.reconstructions), COLUMNS)


def samples_grid(samples: Split) -> NDArray[np.uint8]:
    """Select twelve samples of each label, a row a label, or twelve rows without labels: uint8 (12 · rows, 28, 28)."""
    labels = np.unique(samples.labels)
    each = COLUMNS if len(labels) > 1 else COLUMNS * COLUMNS
    return np.concatenate([samples.images[samples.labels == label][:each] for label in labels])


def reconstructions_grid(test: Split, reconstructions: Split) -> NDArray[np.uint8]:
    """Select six held-out characters of each label, each followed by its reconstruction: uint8 (12 · rows, 28, 28)."""
    pairs = np.stack([test.images, reconstructions.images], axis=1)  # (n, 2, 28, 28)
    chosen = [pairs[test.labels == label][: COLUMNS // 2] for label in np.unique(test.labels)]
    return np.concatenate([row.reshape(-1, 28, 28) for row in chosen if len(row) == COLUMNS // 2])
