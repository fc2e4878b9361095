"""What the ELBO knows without being told: which label an image has, and whether it is a character at all."""

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
    """The ELBO of each image under each label, in nats, at z = mu: (n, labels), or (n, 1) without labels.

    With a uniform prior on labels its softmax is the posterior p(c|x), as `/encode` answers it.
    """
    count = max(1, len(model.labels))
    columns = [elbo(model, images, np.full(len(images), label)) for label in range(count)]
    return np.stack(columns, axis=1)


def elbo(model: Exported, images: Pixels, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """-reconstruction - KL at z = mu of each image under its label: (n,)."""
    mu, logvar = model.encode(images, labels)
    _, logits = model.decode(mu, labels)
    distortion = reconstruction(torch.from_numpy(logits), torch.from_numpy(images).float() / 255)
    return np.asarray(-(distortion + kl_divergence(torch.from_numpy(mu), torch.from_numpy(logvar))).numpy())


def strangers(images: Pixels, rng: np.random.Generator) -> dict[str, Pixels]:
    """As many images of what is no character: noise, the characters' own pixels shuffled, and crops of photographs."""
    count = len(images)
    shuffled = rng.permuted(images.reshape(count, -1), axis=1).reshape(images.shape)
    noise = rng.integers(0, 256, images.shape, dtype=np.uint8)
    return {"noise": noise, "shuffled pixels": shuffled, "photographs": photographs(count, rng)}


def photographs(count: int, rng: np.random.Generator) -> Pixels:
    """Square crops of 56 to 224 pixels from the two photographs that scikit-learn ships, grey, at 28×28."""
    pictures = [Image.fromarray(picture).convert("L") for picture in load_sample_images().images]
    crops = []
    for index in range(count):
        picture, side = pictures[index % len(pictures)], int(rng.integers(56, 225))
        left, top = int(rng.integers(picture.width - side + 1)), int(rng.integers(picture.height - side + 1))
        crop = picture.resize((28, 28), Image.Resampling.BOX, box=(left, top, left + side, top + side))
        crops.append(np.asarray(crop))
    return np.stack(crops)


def detection(known: NDArray[np.floating[Any]], strange: NDArray[np.floating[Any]]) -> float:
    """The area under the curve: how often a character's ELBO is higher than a stranger's (Fawcett 2006), 0.5 by chance.

    Args:
        known: (n,) ELBO of characters.
        strange: (m,) ELBO of others.
    """
    truth = np.concatenate([np.ones(len(known)), np.zeros(len(strange))])
    return float(roc_auc_score(truth, np.concatenate([known, strange])))
