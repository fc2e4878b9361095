"""Unsupervised use of the ELBO: finding the label of an image, and telling characters from other images."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.metrics import roc_auc_score

from glyphvae_training.export.exported import Exported
from glyphvae_training.fitting.objective import kl_divergence, reconstruction

Pixels = NDArray[np.uint8]


def elbo_by_label(model: Exported, images: Pixels) -> NDArray[np.float32]:
    """Compute the ELBO of each image under each label, in nats, at z = mu: (n, labels), or (n, 1) without labels.

    With a uniform prior on labels its softmax is the posterior p(c|x), as `/encode` returns it.
    """
    count = max(1, len(model.labels))
    columns = [elbo(model, images, np.full(len(images), label)) for label in range(count)]
    return np.stack(columns, axis=1)


def elbo(model: Exported, images: Pixels, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Compute -reconstruction - KL at z = mu of each image under its label: (n,)."""
    mu, logvar = model.encode(images, labels)
    _, logits = model.decode(mu, labels)
    distortion = reconstruction(torch.from_numpy(logits), torch.from_numpy(images).float() / 255)
    return np.asarray(-(distortion + kl_divergence(torch.from_numpy(mu), torch.from_numpy(logvar))).numpy())


def non_characters(images: Pixels, rng: np.random.Generator) -> dict[str, Pixels]:
    """Return as many images that are no characters: noise, shuffled pixels of the characters, crops of photographs."""
    count = len(images)
    shuffled = rng.permuted(images.reshape(count, -1), axis=1).reshape(images.shape)
    noise = rng.integers(0, 256, images.shape, dtype=np.uint8)
    return {"noise": noise, "shuffled pixels": shuffled, "photographs": photographs(count, rng)}


def photographs(count: int, rng: np.random.Generator) -> Pixels:
    """Crop squares of 56 to 224 pixels from the two photographs of scikit-learn, as grey images of 28×28."""
    pictures = [Image.fromarray(picture).convert("L") for picture in load_sample_images().images]
    crops = []
    for index in range(count):
        picture, side = pictures[index % len(pictures)], int(rng.integers(56, 225))
        left, top = int(rng.integers(picture.width - side + 1)), int(rng.integers(picture.height - side + 1))
        crop = picture.resize((28, 28), Image.Resampling.BOX, box=(left, top, left + side, top + side))
        crops.append(np.asarray(crop))
    return np.stack(crops)


def detection(characters: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]) -> float:
    """Compute the AUROC: the probability that a character's score exceeds that of another image (Fawcett 2006).

    Args:
        characters: (n,) scores of characters, such as the ELBO; ties count half.
        others: (m,) scores of other images.
    """
    truth = np.concatenate([np.ones(len(characters)), np.zeros(len(others))])
    return float(roc_auc_score(truth, np.concatenate([characters, others])))
