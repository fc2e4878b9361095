"""The bars: measurement of exported models against characters and fonts that they have not seen.

Everything runs through ONNX Runtime on the exported files. What is measured, all of it in the mean over labels or
fonts, with intervals of 95 %:

    reading      how often generated characters are read as their labels, beside real ones
    ink          haze, specks, pieces, dots, stroke width and its variation, beside real ones
    dots         i and j with their dot, in hands of held-out fonts that dot theirs
    found        held-out fonts found by letters written in the hand of k of theirs
    intraclass   the share of each hand latent's variance that is between fonts
    mse          mean over pixels of (x - mean(x|z))^2 at z = mu, with x in [0, 1]
    told_apart   how surely a fresh classifier tells generated from real characters, beside real from real ones
    likeness     Fréchet distance, precision, recall, density, coverage and classification accuracy
    large        strokes at 512 pixels: how near each letter is to that of the font whose hand it is in, and how much
                 the stroke's width differs between the letters of a hand and within a letter
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glyphvae_training.data.alphabet import ALPHABET, CHARACTERS
from glyphvae_training.data.dataset import Dataset, Split, joined, load_byclass, pick
from glyphvae_training.data.font_families import Part
from glyphvae_training.data.lettering import Lettering, load_large_lettering, load_lettering
from glyphvae_training.data.pen import coarse
from glyphvae_training.data.sources import CAPITALS, DIGITS
from glyphvae_training.errors import ExportError
from glyphvae_training.evaluation.evaluate import draw_samples
from glyphvae_training.evaluation.features import (
    IMAGES,
    Featurize,
    Likeness,
    alike,
    classification_accuracy,
    compare_features,
    hand_features,
    hog_features,
)
from glyphvae_training.evaluation.hands import (
    GIVEN,
    TRIES,
    Hands,
    Letters,
    dotted_shares,
    font_distances,
    found_nearest,
    found_relative,
    intraclass_correlation,
    letters_of_all,
    mean_over_fonts,
)
from glyphvae_training.evaluation.large import LARGE, compare_large
from glyphvae_training.evaluation.readers import KINDS, network_reading
from glyphvae_training.evaluation.real_or_made import IMAGES as CLASSIFIER_IMAGES
from glyphvae_training.evaluation.real_or_made import tell_apart
from glyphvae_training.evaluation.writing import capped, compare_writing
from glyphvae_training.export.exported import Exported
from glyphvae_training.measures.comparison import Interval, interval, means
from glyphvae_training.measures.measure import significant
from glyphvae_training.measures.reading import Reading, closed_form, font_reading

Json = dict[str, Any]
Stage = Callable[[str], None]

# Labels without small letters, and with them.
COUNTS = (len(DIGITS + CAPITALS), CHARACTERS)
CLOSED_FORM, MARKS = "HOG + LDA", "marks, HOG + LDA"


@dataclass(frozen=True)
class Effort:
    """Sample sizes; smaller ones are faster and less certain.

    Attributes:
        samples: Generated characters of each label.
        measured: Real and generated characters of each label whose ink and features are measured, at most.
        reader_images: That each network of `glyphvae_training.evaluation.readers` sees, at most.
        feature_images: That the network of `glyphvae_training.evaluation.features` sees.
        classifier_images: That each classifier of real against generated characters sees.
        tries: Hands of each font, for each number of letters given.
        large: Side of large images in pixels.
    """

    samples: int = 600
    measured: int = 300
    reader_images: int = max(kind.images for kind in KINDS.values())
    feature_images: int = IMAGES
    classifier_images: int = CLASSIFIER_IMAGES
    tries: int = TRIES
    large: int = LARGE


FULL = Effort()
QUICK = Effort(12, 12, 1024, 512, 512, 1, 64)


@dataclass(frozen=True)
class Material:
    """Characters, fonts and readers that models are measured with; nothing of it depends on a model.

    Attributes:
        train: Real characters of the training part, at most `Effort.measured` of each label.
        real: All of the part that is measured.
        few: Of these, at most `Effort.measured` of each label.
        readings: Of real characters, by reader.
        marks: Of the other labels in the part's fonts.
        features: By name.
        fonts: Letters of the part's fonts at 28×28; for the test part those of all held-out fonts behind them.
        large: Letters of the part's fonts at the side of `Effort.large`.
    """

    train: Split
    real: Split
    few: Split
    readings: dict[str, Reading]
    marks: Reading
    features: dict[str, Featurize]
    fonts: tuple[Letters, ...]
    large: Letters


def prepare(data: Path, part: Part, effort: Effort, seed: int, stage: Stage) -> tuple[Material, Dataset]:
    """Load characters and fonts, and train what reads them.

    Args:
        data: Folder of the source files.
        part: "validation" or "test".
        effort: How much.
        seed: Deals folds.
        stage: Called with the name of what is done next.
    """
    rng = np.random.default_rng(seed)
    stage("loading")
    characters = load_byclass(data)
    real: Split = getattr(characters, part)
    lettering, taught = (load_lettering(data, one) for one in (part, "train"))
    fonts = [letters_of_all(lettering).coarse()]
    if part == "test":
        others = load_lettering(data, "validation")
        fonts.append(letters_of_all(others, lettering).coarse())
    stage("drawing fonts at 512 pixels")
    large = letters_of_all(load_large_lettering(data, part, effort.large))
    # The sealed part is read with the rest of NIST only where it is open anyway.
    seen = joined(characters.train, characters.validation)
    everything = joined(seen, characters.test) if part == "test" else seen
    stage("reading real characters, HOG + LDA")
    readings = {CLOSED_FORM: closed_form(everything.images, everything.labels, rng)}
    for name, kind in KINDS.items():
        stage(f"reading real characters, network {name}")
        budget = min(kind.images, effort.reader_images)
        readings[name] = network_reading(kind, characters.train, real, budget)
    stage("reading marks of fonts")
    marks = font_reading(others_than_letters(taught), others_than_letters(lettering))
    stage("features")
    train, few = (capped(split, effort.measured, rng) for split in (characters.train, real))
    features = {"hog": hog_features(train), "hands": hand_features(taught, effort.feature_images)}
    return Material(train, real, few, readings, marks, features, tuple(fonts), large), characters


def others_than_letters(lettering: Lettering) -> Split:
    """Return the marks and other labels that are no characters of NIST, at 28×28."""
    split = coarse(lettering)
    return pick(split, split.labels >= CHARACTERS)


def measure(model: Exported, material: Material, effort: Effort, seed: int, stage: Stage) -> Json:
    """Measure a model.

    Args:
        model: Whose labels begin as those of the pen.
        material: What it is measured with.
        effort: How much.
        seed: Of samples, draws and intervals.
        stage: Called with the name of what is done next.

    Raises:
        ExportError: Its labels are others.
    """
    check_labels(model)
    rng = np.random.default_rng(seed)
    stage("samples")
    made = draw_samples(model, effort.samples, rng)
    letters = pick(made, made.labels < CHARACTERS)
    few = capped(letters, effort.measured, rng)
    found: Json = {"labels": len(model.labels)}
    stage("reading")
    found["reading"] = read_all(material, made, effort, rng)
    stage("ink")
    found["ink"] = compare_writing(material.few, few, ALPHABET, rng)
    stage("pixel error")
    found["mse"] = pixel_error(model, material.real, rng)
    stage("hands")
    found |= hand_figures(model, material, effort, rng)
    stage("large strokes")
    found["large"] = compare_large(model, material.fonts[0], material.large, rng)
    stage("likeness")
    found["likeness"] = {
        name: likeness(featurize, material, letters, rng) for name, featurize in material.features.items()
    }
    stage("real against generated")
    found["told_apart"] = tell_apart(material.real, letters, rng, effort.classifier_images)
    return {name: plain(value) for name, value in found.items()}


def check_labels(model: Exported) -> None:
    """Check that a model has the labels of the pen, or the first 62; raises as `measure`."""
    if model.labels not in {ALPHABET, ALPHABET[:CHARACTERS]}:
        raise ExportError(
            f"the bars are of models with {CHARACTERS} or {len(ALPHABET)} labels, and {model.manifest['name']} has "
            f"{len(model.labels)}"
        )


def read_all(material: Material, made: Split, effort: Effort, rng: np.random.Generator) -> Json:
    """Compare how often real and generated characters are read as their labels, for each reader and set of labels."""
    few = capped(made, effort.measured, rng)
    letters = pick(few, few.labels < CHARACTERS)
    found: Json = {}
    for name, reading in material.readings.items():
        compared = reading.compare(letters.images, letters.labels, ALPHABET, rng, COUNTS)
        found |= {f"{name}, {count} labels": one for count, one in zip(COUNTS, compared, strict=True)}
    marks = pick(few, few.labels >= CHARACTERS)
    if len(marks):
        (found[MARKS],) = material.marks.compare(marks.images, marks.labels, ALPHABET, rng, [len(ALPHABET)])
    return found


def pixel_error(model: Exported, real: Split, rng: np.random.Generator) -> Json:
    """Compute the error of reconstructions of real characters by their own label, at z = mu."""
    mu, _ = model.encode(real.images, real.labels)
    _, logits = model.decode(mu, real.labels)
    error = np.square(1 / (1 + np.exp(-logits)) - real.images / np.float32(255)).mean(axis=(1, 2))
    known = np.unique(real.labels)
    by_label = np.stack([means(error[real.labels == label], rng) for label in known])
    return {
        "mean": interval(by_label.mean(axis=0)),
        "labels": {ALPHABET[label]: interval(values) for label, values in zip(known, by_label, strict=True)},
    }


def hand_figures(model: Exported, material: Material, effort: Effort, rng: np.random.Generator) -> Json:
    """Compute what concerns the hands of held-out fonts."""
    hands, letters = Hands(model), material.fonts[0]
    found: Json = {}
    for fonts in material.fonts:
        count = len(fonts.images)
        for given in GIVEN:
            apart = font_distances(fonts, hands.of, hands.write, given, rng, tries=effort.tries)
            found[f"{given} of {count} fonts"] = {
                "nearest": mean_over_fonts(found_nearest(apart), rng),
                "relative": mean_over_fonts(found_relative(apart), rng),
            }
    return {
        "dots": dotted_shares(letters, hands, rng, effort.tries),
        "found": found,
        "intraclass": intraclass_correlation(hands.single(letters)),
    }


def likeness(featurize: Featurize, material: Material, made: Split, rng: np.random.Generator) -> Json:
    """Compare generated with real characters in one kind of features."""
    train, real = material.train, material.few
    of_real = featurize(real.images)
    beside: tuple[Likeness, Likeness] = compare_features(of_real, featurize(alike(made, real.labels, rng).images), rng)
    taught = [featurize(split.images) for split in (train, alike(made, train.labels, rng))]
    accuracy = classification_accuracy(taught[0], taught[1], train.labels, of_real, real.labels, ALPHABET, rng)
    return {"made": beside[0], "control": beside[1], "classification_accuracy": accuracy}


def plain(value: object) -> object:
    """Convert figures to JSON values of five significant digits; what is no number or infinite becomes null."""
    if isinstance(value, Interval):
        return plain(value._asdict())
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return significant(float(value)) if np.isfinite(value) else None
    return value


def protocol(part: Part, effort: Effort, seed: int, data: Dataset, fonts: Sequence[Letters]) -> Json:
    """Describe what was measured with."""
    return {
        "part": part,
        "seed": seed,
        **asdict(effort),
        "characters": len(getattr(data, part)),
        "data_sha256": data.sha256,
        "fonts": [len(letters.images) for letters in fonts],
        "letters": ["".join(ALPHABET[label] for label in letters.labels) for letters in fonts],
    }
