"""A classifier p(c|x) beside a conditional VAE, which infers the label of an image in one pass.

Kingma et al., "Semi-supervised learning with deep generative models" (arXiv:1406.5298), have such a network q(y|x) in
their model M2. Bayes' rule with the ELBO under each label gives the same posterior, at the price of an encoding and a
decoding for each, and is right less often (docs/models.md). As there, every label is equally likely beforehand.
"""

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import ExportError
from glyphvae_training.export.exported import run, session
from glyphvae_training.export.graphs import EXAMPLE_BATCH, SIDE, Part, traced
from glyphvae_training.export.parity import BATCHES
from glyphvae_training.export.quantise import quantised
from glyphvae_training.export.repository import publish_part, published
from glyphvae_training.export.storage import compact
from glyphvae_training.judges.judge import Judge
from glyphvae_training.judges.judge_data import JudgeData
from glyphvae_training.judges.judge_training import CLASS_BALANCE, CLASS_PRIOR, Precision, stored_judge
from glyphvae_training.measures.measure import main_groups, mean_of, merged_labels, significant
from glyphvae_training.progress import Progress, no_progress

ARCHITECTURE = "classifier"
PART: Part = "classifier"
# What probability the exported classifier may move from labels to others, in the mean, by its 8-bit integers.
MOST_MOVED = 0.02
BISECTIONS = 40
# Of the simulation of an exact classifier: the mean is known to a tenth of the spread.
REPEATS = 100


class ClassifierGraph(nn.Module):
    """Classifier with 8-bit pixels as input.

    Args:
        layers: maps float32 (n, 1, 28, 28) in [0, 1] to logits (n, labels).
    """

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, pixels: Tensor) -> Tensor:
        """Map `pixels` uint8 (n, 28, 28) to `logits` float32 (n, labels): log p(c|x) up to a constant of each image."""
        logits: Tensor = self.layers(pixels.unsqueeze(1).float() / 255)
        return logits


def add_classifier(
    folder: Path,
    name: str,
    data: Dataset,
    characters: JudgeData,
    kept: Path,
    *,
    images: int | None = None,
    seed: int = 0,
    precision: Precision = "32-true",
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Train a classifier and adds it to a published model.

    Args:
        folder: the model repository.
        name: of the model, a conditional one.
        data: what it was trained on; its validation part calibrates the classifier, its test part measures it.
        characters: what the classifier learns from.
        kept: where trained classifiers are kept, since a training takes minutes; models of the same labels share them.
        images: how many images it sees; by default what its accuracy needs.
        seed: of the training.
        precision: of the training's matrix products.
        progress: called with the batches done and the batches in all.

    Returns:
        What `measured` found.

    Raises:
        ExportError: there is no such model, it has other labels than the data, or the exported graph says something
            else than the trained network; nothing has been written.
    """
    facts, _ = published(folder, name)
    if facts.labels != characters.labels or data.sha256 != facts.data["sha256"]:
        raise ExportError(f"{name} was trained on other data or has other labels than these {len(characters.labels)}")
    judge = stored_judge(
        characters, ARCHITECTURE, kept, images=images, seed=seed, precision=precision, progress=progress
    )
    network = against_outliers(with_equal_priors(judge, characters.train))
    temperature = calibrated(network, data.validation)
    graph = ClassifierGraph(folded(network)).eval()
    exact = traced(graph, (torch.zeros(EXAMPLE_BATCH, SIDE, SIDE, dtype=torch.uint8),), ("pixels",), ("logits",))
    # In integers alone: where those are all a CPU needs, a GPU has nothing to win.
    integers = compact(quantised(exact, {"pixels": data.validation.images}))
    exported = session(integers.SerializeToString())
    check_agreement(graph, exported, data.test)
    found = {"temperature": significant(temperature)} | measured(exported, facts.labels, data.test)
    publish_part(folder, facts.with_metrics(facts.metrics | {PART: found}), PART, integers)
    return found


def with_equal_priors(judge: Judge, train: Split) -> nn.Sequential:
    """Copy a judge's network and remove the label frequencies from its prior.

    Menon et al., arXiv:2007.07314, equation 9: from each logit, the logarithm of how common its label was.
    """
    assert isinstance(judge.network, nn.Sequential)  # noqa: S101 (as every architecture is)
    network = copy.deepcopy(judge.network)
    counts = torch.bincount(torch.from_numpy(train.labels), minlength=len(judge.labels)).clamp(min=1)
    with torch.no_grad():
        last_of(network).bias[: len(counts)].sub_((CLASS_BALANCE + CLASS_PRIOR) * counts.log())
    return network


def against_outliers(network: nn.Sequential) -> nn.Sequential:
    """Subtract the logit of no character, the last, from all others; changes and returns the network.

    The logits of labels are then log p(c|x) - log p(no character|x), at no cost, and their softmax stays.
    """
    last = last_of(network)
    labels = nn.Linear(last.in_features, last.out_features - 1)
    with torch.no_grad():
        labels.weight.copy_(last.weight[:-1] - last.weight[-1])
        labels.bias.copy_(last.bias[:-1] - last.bias[-1])
    network[-1] = labels
    return network


def calibrated(network: nn.Sequential, split: Split) -> float:
    """Divide the logits by one temperature, at which the mean confidence is the share that is right.

    Temperature scaling is Guo et al.'s, arXiv:1706.04599. At the temperature of the least cross-entropy, the
    confidence of `pen` in validation characters is 1.3 % too high.

    Args:
        network: changed in place.
        split: held-out characters; each label weighs the same.

    Returns:
        The temperature, from 0.01 to 100.
    """
    labels = torch.from_numpy(split.labels)
    with torch.no_grad():
        logits = network(torch.from_numpy(split.images).unsqueeze(1).float() / 255)
    weight = 1 / torch.bincount(labels, minlength=logits.shape[1])[labels]
    right = float(weight[logits.argmax(dim=1) == labels].sum())
    low, high = math.log(0.01), math.log(100)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        confidence = (logits * math.exp(-middle)).softmax(dim=1).amax(dim=1)
        low, high = (middle, high) if float(weight @ confidence) > right else (low, middle)
    temperature = math.exp(high)
    with torch.no_grad():
        last_of(network).weight.div_(temperature)
        last_of(network).bias.div_(temperature)
    return temperature


def last_of(network: nn.Sequential) -> nn.Linear:
    """Return the layer that gives the logits."""
    last = network[-1]
    assert isinstance(last, nn.Linear)  # noqa: S101 (as every architecture ends)
    return last


def folded(network: nn.Sequential) -> nn.Sequential:
    """Return the same network with its batch normalisations folded into the layers before them."""
    layers: list[nn.Module] = []
    for layer in network.eval():
        if isinstance(layer, nn.Sequential):
            product, norm, activation = layer
            # See `convolution` and `linear` of `glyphvae_training.judges.judge`.
            if isinstance(product, nn.Conv2d):
                assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101
                layers += [fuse_conv_bn_eval(product, norm), activation]
            else:
                assert isinstance(product, nn.Linear)  # noqa: S101
                assert isinstance(norm, nn.BatchNorm1d)  # noqa: S101
                layers += [fuse_linear_bn_eval(product, norm), activation]
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def check_agreement(graph: ClassifierGraph, exported: ort.InferenceSession, split: Split) -> None:
    """Check that the exported classifier agrees with the trained network at several batch sizes.

    Raises:
        ExportError: the probabilities of an image differ by more than `MOST_MOVED` on average (total variation).
    """
    with torch.inference_mode():
        expected = graph(torch.from_numpy(split.images)).softmax(dim=1)
    for batch in BATCHES:
        found = torch.from_numpy(run(exported, {"pixels": split.images}, batch)["logits"]).softmax(dim=1)
        moved = float((found - expected).abs().sum(dim=1).mean()) / 2
        if not moved <= MOST_MOVED:  # so that NaN fails too
            raise ExportError(f"the exported classifier moves {moved:.2g} of the probability, at batch {batch}")


def measured(exported: ort.InferenceSession, labels: tuple[str, ...], split: Split, seed: int = 0) -> dict[str, Any]:
    """Measure the accuracy and calibration of an exported classifier on held-out characters.

    Args:
        exported: the classifier.
        labels: of the model.
        split: the characters.
        seed: of the bootstrap.

    Returns:
        `accuracy`, of all; `accuracy_merged`, where look-alikes count as one; and where each label weighs the same,
        `mean_of_labels`; `calibration_error`, the mean difference of confidence and accuracy in 15 bins of equal
        width (Guo et al., equation 3); and `calibration_floor`, what that is on average of a classifier that is right
        exactly as often as it says, since few characters never come out even (Roelofs et al., arXiv:2012.08668).
    """
    logits = run(exported, {"pixels": split.images})["logits"]  # (n, labels)
    read, index = logits.argmax(axis=1), merged_labels(labels, main_groups(labels))
    right, rng = read == split.labels, np.random.default_rng(seed)
    merged = index[read] == index[split.labels]
    counts = np.bincount(split.labels)
    weight = 1 / (counts[split.labels] * np.count_nonzero(counts))  # (n,) adds up to 1
    confidence = torch.from_numpy(logits).softmax(dim=1).amax(dim=1).numpy()

    def even() -> float:
        return calibration_error(confidence, rng.random(len(confidence)) < confidence, weight)

    return {
        "accuracy": mean_of(right, rng).to_dict(),
        "accuracy_merged": mean_of(merged, rng).to_dict(),
        "mean_of_labels": significant(float(weight @ right)),
        "calibration_error": significant(calibration_error(confidence, right, weight)),
        "calibration_floor": significant(float(np.mean([even() for _ in range(REPEATS)]))),
    }


def calibration_error(confidence: NDArray[np.float32], right: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """Return the expected calibration error of characters, each (n,), in 15 bins; the weights add up to 1."""
    gaps = np.bincount((14.999 * confidence).astype(int), weights=weight * (confidence - right))
    return float(np.abs(gaps).sum())
