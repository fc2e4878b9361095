"""The likeness of images to real characters of their label: the quantiles that the service compares images with.

The measure is a weighted sum of the classifier's logit of the label, the KL and, where the image was decoded, the error
beyond that of a perfect reconstruction. The weights are those that tell real characters from images of no character
best (`glyphvae_training.data.outliers`). The ELBO alone, as Ren et al. (arXiv:1906.02845) found of likelihoods, rates
plain shapes higher than characters.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from glyphvae_training.data.dataset import Dataset, first_of_each
from glyphvae_training.data.outliers import draw_outliers
from glyphvae_training.errors import ExportError
from glyphvae_training.export.exported import Exported, Floats, read_exported, run, session
from glyphvae_training.export.manifest import manifest_path
from glyphvae_training.export.repository import write_all
from glyphvae_training.measures.measure import significant

PERCENTILES = (0, 0.5, 1, 2, 5, 10, 25, 50, 75, 100)
# Labels with fewer characters share their quantiles.
FEWEST = 30
# Characters of a label that count, so that common ones weigh no more than others in what labels share.
MOST = 300
# How far the quantiles of each label are drawn towards those of all characters. Images of no character are read as the
# labels whose own characters are least sure, such as marks, among which they would not stand out.
SHARED = 0.7
# Steps of grey around a character are at least this many full ones.
LEAST_STEPS = 10
METRIC = "likeness"
# The terms of each measure.
TERMS = {"encoded": ("evidence", "kl"), "reconstructed": ("evidence", "kl", "excess")}

Terms = dict[str, Floats]


def publish_quantiles(folder: Path, name: str, data: Dataset, seed: int = 0) -> dict[str, Any]:
    """Measure the quantiles of a published model on validation characters and write them into its manifest.

    Args:
        folder: the model repository.
        name: of the model.
        data: what it was trained on.
        seed: of the images of no character.

    Raises:
        ExportError: there is no such model, it has no classifier, or it was trained on other data.
    """
    exported = read_exported(folder, name)
    if "classifier" not in exported.manifest:
        raise ExportError(f"{name} has no classifier, which likeness needs")
    if data.sha256 != exported.manifest["data"]["sha256"]:
        raise ExportError(f"{name} was trained on other data than this")
    split = first_of_each(data.validation, MOST)
    labels, terms = terms_of(exported, folder, split.images)
    _, others = terms_of(exported, folder, draw_outliers(split, len(split), np.random.default_rng(seed)))
    found = {
        kind: measure_of(terms, weights_of(terms, others, names), labels, exported.labels)
        for kind, names in TERMS.items()
    }
    # Only in the manifest, where the service looks for them: no graph has to be loaded again.
    manifest = exported.manifest | {"metrics": exported.manifest["metrics"] | {METRIC: found}}
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    write_all(folder, {manifest_path(Path(), name): text.encode()})
    return found


def terms_of(exported: Exported, folder: Path, images: NDArray[np.uint8]) -> tuple[NDArray[np.int64], Terms]:
    """Compute the terms of the measure of images.

    Args:
        exported: a model with a classifier.
        folder: the model repository.
        images: uint8 (n, 28, 28).

    Returns:
        What the classifier takes each for, (n,); and `evidence`, its logit of that label; `kl`; `excess`, the error
        beyond that of a perfect reconstruction, per step of grey; each (n,).
    """
    classifier = session((folder / exported.manifest["classifier"]["file"]).read_bytes())
    logits = run(classifier, {"pixels": images})["logits"]
    chosen = logits.argmax(axis=1)
    mu, logvar = exported.encode(images, chosen)
    kl = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(axis=1)
    _, log_odds = exported.decode(mu, chosen)
    ink = images / 255.0
    error = (np.logaddexp(0, log_odds) - ink * log_odds).sum(axis=(1, 2))
    partial = np.clip(ink, 1e-9, 1 - 1e-9)
    least = -(partial * np.log(partial) + (1 - partial) * np.log1p(-partial)).sum(axis=(1, 2))
    steps = sum(np.abs(np.diff(ink, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2))
    excess = (error - least) / (steps + LEAST_STEPS)
    evidence = logits[np.arange(len(logits)), chosen]
    return chosen, {"evidence": evidence, "kl": kl, "excess": excess}


def weights_of(terms: Terms, others: Terms, names: Sequence[str]) -> dict[str, float]:
    """Fit the weights by logistic regression.

    Args:
        terms: of real characters.
        others: of images of no character.
        names: of the terms that have weights.
    """
    columns = np.stack([np.concatenate([terms[name], others[name]]) for name in names], axis=1)
    spread = columns.std(axis=0)
    truth = np.arange(len(columns)) < len(terms[names[0]])
    fitted = LogisticRegression(class_weight="balanced").fit(columns / spread, truth)
    return {name: significant(float(weight)) for name, weight in zip(names, fitted.coef_[0] / spread, strict=True)}


def measure_of(
    terms: Terms, weights: dict[str, float], labels: NDArray[np.int64], names: tuple[str, ...]
) -> dict[str, Any]:
    """Return the weights and quantiles of a measure, as the service reads them."""
    values = likeness(terms, weights)
    counts = np.bincount(labels, minlength=len(names))
    is_rare = counts[labels] < FEWEST
    every = quantiles(values)

    def shared(chosen: Floats) -> list[float]:
        pairs = zip(quantiles(chosen), every, strict=True)
        return [round((1 - SHARED) * own + SHARED * one, 2) for own, one in pairs]

    own = {name: shared(values[labels == one]) for one, name in enumerate(names) if counts[one] >= FEWEST}
    others = shared(values[is_rare] if is_rare.any() else values)
    return weights | {"percentiles": list(PERCENTILES), "labels": own, "others": others}


def likeness(terms: Terms, weights: dict[str, float]) -> Floats:
    """Return the weighted sum of terms (n,)."""
    return np.asarray(sum(weight * terms[term] for term, weight in weights.items()))


def quantiles(values: Floats) -> list[float]:
    """Return the values at `PERCENTILES`."""
    return [float(value) for value in np.percentile(values, PERCENTILES)]
