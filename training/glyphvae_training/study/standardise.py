"""Convergence aids for models of small beta, where gradients alone take far longer than the paper's epochs.

Both are about the same thing: with beta below 1 the objective hardly feels the scale of a latent, nor the rate.
"""

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from glyphvae_training.data.dataset import Split
from glyphvae_training.models.families import Model
from glyphvae_training.study.latents import Moments, moments


class Start(Callback):
    """Callback that starts from the weights of another model of the same architecture: that of the next larger beta.

    Args:
        model: trained.
    """

    def __init__(self, model: Model) -> None:
        self._state = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Load the weights, unless a stopped run is resumed."""
        if trainer.global_step == 0:
            module: Model = pl_module.model  # type: ignore[assignment]
            module.load_state_dict(self._state)


class StandardiseLatents(Callback):
    """Callback that standardises the latents when training ends.

    Args:
        characters: of the training part, every label equally often.
    """

    def __init__(self, characters: Split) -> None:
        self._characters = characters

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 (Lightning's signature)
        """Standardise the latents before the model is saved."""
        standardise(pl_module.model, self._characters)  # type: ignore[arg-type]


@torch.no_grad()
def standardise(model: Model, characters: Split) -> None:
    """Shift and scale every latent to mean 0 and second moment 1, and undo both in the decoder.

    No picture changes. The KL falls to its minimum along this one direction, for every beta > 0, so the objective can
    only fall: it is one exact step of coordinate descent.

    Args:
        model: changed in place; its encoder ends in a linear layer to mu and logvar, its decoder begins with one of z.
        characters: over which the moments are taken.
    """
    found = moments_of(model, characters)
    shift, scale = (
        torch.from_numpy(values.astype(np.float32)).to(model.decoder.first.linear.weight.device)
        for values in (found.mean, np.sqrt(found.variance))
    )
    size, last, first = model.config.latent_size, model.encoder.last, model.decoder.first.linear
    last.weight[:size] /= scale[:, None]
    last.bias[:size] -= shift
    last.bias[:size] /= scale
    last.bias[size:] -= 2 * scale.log()
    first.bias.add_(first.weight @ shift)
    first.weight *= scale


@torch.no_grad()
def moments_of(model: Model, characters: Split) -> Moments:
    """Compute the moments of the aggregate posterior, in evaluation mode."""
    training = model.training
    model.eval()
    device = model.decoder.first.linear.weight.device
    x = torch.from_numpy(characters.images).to(device).float() / 255  # (n, 28, 28)
    label = torch.from_numpy(characters.labels).to(device)
    mu, logvar = model.encode(x, label) if model.kind == "cvae" else model.encode(x)
    model.train(training)
    return moments(mu.float().cpu().numpy(), logvar.float().cpu().numpy())
